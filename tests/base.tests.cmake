infinitile_test(text_test USES infinitile_base)
infinitile_test(hash_test USES infinitile_base)
