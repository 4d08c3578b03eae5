// The headers that tests precompile; there is nothing else to compile.
