infinitile_test(cholesky_test USES infinitile_solve RANKS 1 2 3 4 6)
