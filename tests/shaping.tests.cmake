infinitile_test(block_map_test USES infinitile_shaping)
infinitile_test(local_maps_test USES infinitile_shaping)
infinitile_test(network_maps_test USES infinitile_shaping)
infinitile_test(shape_network_test TIMEOUT 600 USES infinitile_shaping)  # two minutes under the sanitizers
infinitile_test(subnetworks_test USES infinitile_shaping)
