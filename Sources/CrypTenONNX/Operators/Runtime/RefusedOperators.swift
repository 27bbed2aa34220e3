extension OperatorTable {
    /// Why operators of onnxruntime aren't computed here, and what can be done, by name.
    static let refused: [String: String] = {
        let generation =
            "it generates text by its own results, which are secrets; run the model that it holds, a token at a time"
        let devices = "only devices run it, in a layout of theirs; optimise the model for CPU"
        let table: [String: String] = [
            "Inverse":
                "an inverse of a secret matrix loses too many bits; solve for what it is multiplied by before the model",
            "Unique": "how many numbers differ would show; keep all of them",
            "NGramRepeatBlock": "it chooses tokens, which is the caller's work after the scores are revealed",
            "DecoderMaskedMultiHeadAttention":
                "its cache is in a device's order; export the model with MultiHeadAttention",
            "DecoderMaskedSelfAttention": "its cache is in a device's order; export the model with Attention",
            "DecoderAttention":
                "which of its caches it reads is decided in the run; export the model with MultiHeadAttention",
            "LongformerAttention": "its windows aren't computed here; export the model without optimisation",
            "SparseAttention": "its blocks aren't computed here; export the model with GroupQueryAttention",
            "BeamSearch": generation, "GreedySearch": generation, "Sampling": generation,
            "WhisperBeamSearch": generation,
            "MoE": "which experts a token takes would show; export the model with all experts as matrix products",
            "QMoE": "which experts a token takes would show; export the model with all experts as matrix products",
            "PackedAttention": devices, "PackedMultiHeadAttention": devices, "PagedAttention": devices,
            "RemovePadding": devices, "RestorePadding": devices,
            "BiasDropout": "it is for training; optimise the model for inference",
            "BitmaskDropout": "it is for training; optimise the model for inference",
            "BitmaskBiasDropout": "it is for training; optimise the model for inference",
        ]
        return Dictionary(uniqueKeysWithValues: table.map { ("\(OperatorDomain.runtime.rawValue).\($0)", $1) })
    }()

    /// Why operators of other domains that onnxruntime writes aren't read, and what can be done.
    static let refusedDomains: [String: String] = [
        "com.microsoft.nchwc":
            "it is laid out for one machine's processor: optimise the model with ORT_ENABLE_EXTENDED or less, not with ORT_ENABLE_ALL, "
            + "or give it as it was exported",
        "com.ms.internal.nhwc":
            "it is laid out for one device: optimise the model with ORT_ENABLE_EXTENDED or less, or give it as it was exported",
    ]
}
