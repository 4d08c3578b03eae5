infinitile_test(block_map_test USES infinitile_shaping)
infinitile_test(local_maps_test USES infinitile_shaping)
infinitile_test(network_maps_test USES infinitile_shaping)
infinitile_test(shape_network_test TIMEOUT 300 USES infinitile_shaping)  # a minute under the sanitizers
infinitile_test(subnetworks_test USES infinitile_shaping)
