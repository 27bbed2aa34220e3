/// Numbers at the ends of what attributes and constants can be, and the attributes that can be changed.
extension ExtremeModel {
    package static let floats: [Float] = {
        let sizes: [Float] = [
            0, .leastNonzeroMagnitude, .leastNormalMagnitude, 1e-38, 1e-10, 0.25, 1.5, 1e6, 1e9, 0x1p31, 0x1p62, 0x1p63,
            1e38, .greatestFiniteMagnitude, .infinity,
        ]
        return sizes + sizes.map { -$0 } + [.nan]
    }()

    package static let integers: [Int64] = [
        0, 1, -1, 2, 3, -2, 7, 64, 1 << 20, 1 << 24, 1 << 31, -(1 << 31), 1 << 40, 1 << 53, 1 << 62, .max, .min,
        .min + 1,
    ]

    /// Attributes of the operators that are read, by their type.
    package static let floatNames = [
        "alpha", "beta", "gamma", "bias", "lambd", "epsilon", "scale", "softcap", "clip", "spatial_scale",
        "cubic_coeff_a",
        "extrapolation_value", "min", "max", "value", "momentum", "mask_filter_value", "qk_norm_epsilon",
        "q_norm_epsilon",
        "k_norm_epsilon", "replaced_value_float",
    ]
    package static let floatListNames = ["scales", "activation_alpha", "activation_beta", "activation_params"]
    package static let integerNames = [
        "axis", "to", "dtype", "k", "blocksize", "num_outputs", "group", "groups", "num_groups", "p", "size",
        "ignore_index",
        "output_datatype", "batch_dims", "time_axis", "batch_axis", "hidden_size", "output_height", "output_width",
        "sampling_ratio", "offset_group", "q_num_heads", "kv_num_heads", "num_heads", "rotary_embedding_dim",
        "qk_matmul_output_mode", "left_window_size", "right_window_size", "num_scan_inputs", "start", "end",
        "broadcast",
        "storage_order", "ceil_mode", "layout", "local_window_size", "max_distance", "activation",
        "signal_ndim", "K", "N", "aggregate_function", "bits", "block_size", "default_int64", "n_supports", "n_targets",
        "output_dtype", "post_transform", "replaced_value_int64", "targets",
    ]
    package static let integerListNames = [
        "axes", "pads", "strides", "dilations", "kernel_shape", "output_padding", "output_shape", "starts", "ends",
        "split",
        "perm", "scan_input_axes", "scan_output_axes", "scan_input_directions", "scan_output_directions",
        "qkv_hidden_sizes", "cats_int64s", "classlabels_int64s", "imputed_value_int64s", "inputdimensions",
        "keys_int64s",
        "values_int64s", "vectors_per_class", "nodes_missing_value_tracks_true",
    ]
}
