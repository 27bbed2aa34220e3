import CrypTenExpressions
import CrypTenRing

/// Layers and losses.
extension FunctionTable {
    static let pools: [String: Entry] = [
        "adaptiveAvgPool": { try $0.x.adaptiveAvgPool($0("extents")) },
        "adaptiveMaxPool": { try $0.x.adaptiveMaxPool($0("extents")) },
        "avgPool1d": {
            try $0.x.avgPool1d(
                $0("kernel"),
                stride: $0(ifGiven: "stride"),
                padding: $0("padding", else: 0),
                paddingAfter: $0(ifGiven: "paddingAfter"),
                ceilMode: $0("ceilMode", else: false),
                countIncludePad: $0("countIncludePad", else: true)
            )
        },
        "avgPool2d": {
            try $0.x.avgPool2d(
                $0("kernel"),
                stride: $0(ifGiven: "stride"),
                padding: $0("padding", else: 0),
                dilation: $0("dilation", else: 1),
                ceilMode: $0("ceilMode", else: false),
                countIncludePad: $0("countIncludePad", else: true)
            )
        },
        "avgPool3d": {
            try $0.x.avgPool3d(
                $0("kernel"),
                stride: $0(ifGiven: "stride"),
                padding: $0("padding", else: 0),
                ceilMode: $0("ceilMode", else: false),
                countIncludePad: $0("countIncludePad", else: true)
            )
        },
        "globalAveragePool": { try $0.x.globalAveragePool() },
        "globalMaxPool": { try $0.x.globalMaxPool() },
        "maxPool1d": {
            try $0.x.maxPool1d(
                $0("kernel"),
                stride: $0(ifGiven: "stride"),
                padding: $0("padding", else: 0),
                paddingAfter: $0(ifGiven: "paddingAfter"),
                dilation: $0("dilation", else: 1),
                ceilMode: $0("ceilMode", else: false)
            )
        },
        "maxPool2d": {
            try $0.x.maxPool2d(
                $0("kernel"),
                stride: $0(ifGiven: "stride"),
                padding: $0("padding", else: 0),
                dilation: $0("dilation", else: 1),
                ceilMode: $0("ceilMode", else: false)
            )
        },
        "maxPool3d": {
            try $0.x.maxPool3d(
                $0("kernel"),
                stride: $0(ifGiven: "stride"),
                padding: $0("padding", else: 0),
                dilation: $0("dilation", else: 1),
                ceilMode: $0("ceilMode", else: false)
            )
        },
    ]

    static let convolutions: [String: Entry] = [
        "conv1d": {
            try $0.x.conv1d(
                $0("weight"),
                bias: $0(ifGiven: "bias"),
                stride: $0("stride", else: 1),
                padding: $0("padding", else: 0),
                paddingAfter: $0(ifGiven: "paddingAfter"),
                dilation: $0("dilation", else: 1),
                groups: $0("groups", else: 1)
            )
        },
        "conv2d": {
            try $0.x.conv2d(
                $0("weight"),
                bias: $0(ifGiven: "bias"),
                stride: $0("stride", else: 1),
                padding: $0("padding", else: 0),
                dilation: $0("dilation", else: 1),
                groups: $0("groups", else: 1)
            )
        },
        "conv3d": {
            try $0.x.conv3d(
                $0("weight"),
                bias: $0(ifGiven: "bias"),
                stride: $0("stride", else: 1),
                padding: $0("padding", else: 0),
                paddingAfter: $0(ifGiven: "paddingAfter"),
                dilation: $0("dilation", else: 1),
                groups: $0("groups", else: 1)
            )
        },
        "convTransposed1d": {
            try $0.x.convTransposed1d(
                $0("weight"),
                bias: $0(ifGiven: "bias"),
                stride: $0("stride", else: 1),
                padding: $0("padding", else: 0),
                paddingAfter: $0(ifGiven: "paddingAfter"),
                outputPadding: $0("outputPadding", else: 0),
                dilation: $0("dilation", else: 1),
                groups: $0("groups", else: 1)
            )
        },
        "convTransposed2d": {
            try $0.x.convTransposed2d(
                $0("weight"),
                bias: $0(ifGiven: "bias"),
                stride: $0("stride", else: 1),
                padding: $0("padding", else: 0),
                outputPadding: $0("outputPadding", else: 0),
                dilation: $0("dilation", else: 1),
                groups: $0("groups", else: 1)
            )
        },
        "convTransposed3d": {
            try $0.x.convTransposed3d(
                $0("weight"),
                bias: $0(ifGiven: "bias"),
                stride: $0("stride", else: 1),
                padding: $0("padding", else: 0),
                paddingAfter: $0(ifGiven: "paddingAfter"),
                outputPadding: $0("outputPadding", else: 0),
                dilation: $0("dilation", else: 1),
                groups: $0("groups", else: 1)
            )
        },
    ]

    static let networks: [String: Entry] = [
        "batchNorm": { try $0.x.batchNorm(scale: $0("scale"), shift: $0("shift")) },
        "groupNorm": {
            try $0.has("epsilon")
                ? $0.x.groupNorm(
                    groups: $0("groups"),
                    weight: $0(ifGiven: "weight"),
                    bias: $0(ifGiven: "bias"),
                    epsilon: $0("epsilon")
                )
                : $0.x.groupNorm(groups: $0("groups"), weight: $0(ifGiven: "weight"), bias: $0(ifGiven: "bias"))
        },
        "gru": { try $0.x.gru($0.recurrentWeights, state: $0(ifGiven: "state")) },
        "instanceNorm": {
            try $0.has("epsilon")
                ? $0.x.instanceNorm(
                    weight: $0(ifGiven: "weight"),
                    bias: $0(ifGiven: "bias"),
                    epsilon: $0("epsilon")
                )
                : $0.x.instanceNorm(weight: $0(ifGiven: "weight"), bias: $0(ifGiven: "bias"))
        },
        "layerNorm": {
            let axes = try $0("axes", else: 1)
            let (weight, bias): (CrypTensor?, CrypTensor?) = try ($0(ifGiven: "weight"), $0(ifGiven: "bias"))
            return try $0.has("epsilon")
                ? $0.x.layerNorm(axes: axes, weight: weight, bias: bias, epsilon: $0("epsilon"))
                : $0.x.layerNorm(axes: axes, weight: weight, bias: bias)
        },
        "lstm": {
            let (output, cell) = try $0.x.lstm(
                $0.recurrentWeights,
                state: $0(ifGiven: "state"),
                cell: $0(ifGiven: "cell")
            )
            return try $0("result") == "cell" ? cell : output
        },
        "rmsNorm": {
            try $0.has("epsilon")
                ? $0.x.rmsNorm(weight: $0(ifGiven: "weight"), epsilon: $0("epsilon"))
                : $0.x.rmsNorm(weight: $0(ifGiven: "weight"))
        },
        "rnn": {
            try $0.x.rnn($0.recurrentWeights, state: $0(ifGiven: "state"), usesReLU: $0("usesReLU", else: false))
        },
        "scaledDotProductAttention": {
            try scaledDotProductAttention(
                $0("query"),
                $0("key"),
                $0("value"),
                mask: $0(ifGiven: "mask"),
                isCausal: $0("isCausal", else: false),
                scale: $0(ifGiven: "scale")
            )
        },
    ]

    static let losses: [String: Entry] = [
        "binaryCrossEntropy": {
            try binaryCrossEntropy($0("probability"), $0("target"), reduction: $0.reduction)
        },
        "binaryCrossEntropyWithLogits": {
            try binaryCrossEntropyWithLogits($0("score"), $0("target"), reduction: $0.reduction)
        },
        "cosineEmbeddingLoss": {
            try cosineEmbeddingLoss(
                $0.x,
                $0("other"),
                $0("target"),
                margin: $0("margin", else: 0),
                reduction: $0.reduction
            )
        },
        "crossEntropy": {
            let scores: CrypTensor = try $0("scores")
            let (weights, smoothing): (Tensor?, Double) = try ($0(ifGiven: "weights"), $0("labelSmoothing", else: 0))
            let (mask, reduction): (CrypTensor?, LossReduction) = try ($0(ifGiven: "mask"), $0.reduction)
            if $0.has("classes") {
                return try crossEntropy(
                    scores,
                    classes: $0("classes"),
                    weights: weights,
                    labelSmoothing: smoothing,
                    mask: mask,
                    reduction: reduction
                )
            }
            return try $0.has("labels")
                ? crossEntropy(
                    scores,
                    labels: $0("labels"),
                    weights: weights,
                    labelSmoothing: smoothing,
                    mask: mask,
                    reduction: reduction
                )
                : crossEntropy(
                    scores,
                    $0("target"),
                    weights: weights,
                    labelSmoothing: smoothing,
                    mask: mask,
                    reduction: reduction
                )
        },
        "hingeEmbeddingLoss": {
            try hingeEmbeddingLoss(
                $0("distance"),
                $0("target"),
                margin: $0("margin", else: 1),
                reduction: $0.reduction
            )
        },
        "hingeLoss": {
            try $0.has("labels")
                ? hingeLoss($0("score"), labels: $0("labels"), reduction: $0.reduction)
                : hingeLoss($0("score"), $0("target"), reduction: $0.reduction)
        },
        "huberLoss": {
            try huberLoss($0("prediction"), $0("target"), delta: $0("delta", else: 1), reduction: $0.reduction)
        },
        "klDivergenceLoss": {
            try klDivergenceLoss(
                $0("logarithms"),
                $0("target"),
                logTarget: $0("logTarget", else: false),
                reduction: $0.reduction
            )
        },
        "l1Loss": { try l1Loss($0("prediction"), $0("target"), reduction: $0.reduction) },
        "mseLoss": { try mseLoss($0("prediction"), $0("target"), reduction: $0.reduction) },
        "nllLoss": {
            try nllLoss(
                $0("logarithms"),
                classes: $0("classes"),
                weights: $0(ifGiven: "weights"),
                mask: $0(ifGiven: "mask"),
                reduction: $0.reduction
            )
        },
        "smoothL1Loss": {
            try smoothL1Loss($0("prediction"), $0("target"), beta: $0("beta", else: 1), reduction: $0.reduction)
        },
        "tripletMarginLoss": {
            try tripletMarginLoss(
                $0("anchor"),
                $0("positive"),
                $0("negative"),
                margin: $0("margin", else: 1),
                p: $0("p", else: 2),
                swap: $0("swap", else: false),
                reduction: $0.reduction
            )
        },
    ]
}

extension Arguments {
    /// What a method is called on.
    var x: CrypTensor {
        get throws { try self("x") }
    }

    /// How the losses of elements are put together; the mean is the usual way.
    var reduction: LossReduction {
        get throws { try self("reduction", else: .mean) }
    }

    var recurrentWeights: RecurrentWeights {
        get throws {
            try RecurrentWeights(
                input: self("input"),
                hidden: self("hidden"),
                inputBias: self(ifGiven: "inputBias"),
                hiddenBias: self(ifGiven: "hiddenBias")
            )
        }
    }

    /// What an operator gives for its two operands: secrets, or one of them public.
    func operands(
        _ secrets: (CrypTensor, CrypTensor) -> CrypTensor,
        _ publicRight: (CrypTensor, any PublicOperand) -> CrypTensor,
        _ publicLeft: (any PublicOperand, CrypTensor) -> CrypTensor
    ) throws -> CrypTensor {
        if !isInput("left") { return try publicLeft(publicOperand("left"), self("right")) }
        if !isInput("right") { return try publicRight(self("left"), publicOperand("right")) }
        return try secrets(self("left"), self("right"))
    }

    /// A number, or a tensor of them.
    private func publicOperand(_ name: String) throws -> any PublicOperand {
        if let number: Double = try? self(name) { return number }
        return try self(name) as Tensor
    }
}
