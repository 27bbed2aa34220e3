/// What an input decides whose numbers all parties must know, as the standard defines the input.
enum InputRole: String, Hashable, Sendable {
    /// Extents, axes, lengths and counts.
    case shape
    /// Ends of an interval, of a range or of a region.
    case bound
    /// Factors between extents; a rate.
    case scale
    /// Places that are read or written: indices, coordinates, what is kept and what is left out.
    case address
    /// The power to which something is raised.
    case exponent
    /// Whether the operator trains.
    case mode
    /// Which graph runs, or whether one runs once more.
    case condition

    /// Whether a float that nothing reads but such inputs is public without its owner's word.
    ///
    /// Where it decides a place or a power it may have been trained, so its owner has to name it.
    var opensFloats: Bool {
        switch self {
        case .shape, .bound, .scale: true
        case .address, .exponent, .mode, .condition: false
        }
    }

    /// With its article: "an address".
    var noun: String {
        self == .address || self == .exponent ? "an \(rawValue)" : "a \(rawValue)"
    }

    /// More than one: "addresses".
    var plural: String {
        self == .address ? "addresses" : "\(rawValue)s"
    }
}

/// The roles of inputs, by operator and position, and how numbers go through operators.
enum InputRoles {
    /// Every input that decides something public.
    ///
    /// Those that an operator's entry doesn't need known at import may also be
    /// public values of the run.
    static let table: [String: [Int: InputRole]] = {
        let reductions = [
            "ReduceSum", "ReduceMean", "ReduceMax", "ReduceMin", "ReduceProd", "ReduceL1", "ReduceL2",
            "ReduceSumSquare", "ReduceLogSum", "ReduceLogSumExp",
        ]
        var table: [String: [Int: InputRole]] = [
            "AffineGrid": [1: .shape],
            "Attention": [6: .shape],
            "BlackmanWindow": [0: .shape],
            "CenterCropPad": [1: .shape],
            "Clip": [1: .bound, 2: .bound],
            "Col2Im": [1: .shape, 2: .shape],
            "Compress": [1: .address],
            "ConstantOfShape": [0: .shape],
            "CumProd": [1: .shape],
            "CumSum": [1: .shape],
            "DFT": [1: .shape, 2: .shape],
            "DeformConv": [2: .address],
            "Dropout": [1: .scale, 2: .mode],
            "Expand": [1: .shape],
            "GRU": [4: .shape],
            "Gather": [1: .address],
            "GatherElements": [1: .address],
            "GatherND": [1: .address],
            "GridSample": [1: .address],
            "HammingWindow": [0: .shape],
            "HannWindow": [0: .shape],
            "If": [0: .condition],
            "LSTM": [4: .shape],
            "Loop": [0: .shape, 1: .condition],
            "MaxUnpool": [1: .address, 2: .shape],
            "MelWeightMatrix": [0: .shape, 1: .shape, 2: .shape, 3: .bound, 4: .bound],
            "NegativeLogLikelihoodLoss": [1: .address],
            "OneHot": [1: .shape],
            "Pad": [1: .shape, 3: .shape],
            "Pow": [1: .exponent],
            "RNN": [4: .shape],
            "Range": [0: .bound, 1: .bound, 2: .bound],
            "Reshape": [1: .shape],
            "Resize": [1: .bound, 2: .scale, 3: .shape],
            "ReverseSequence": [1: .shape],
            "RoiAlign": [1: .address, 2: .address],
            "RotaryEmbedding": [3: .address],
            "STFT": [1: .shape, 3: .shape],
            "Scatter": [1: .address],
            "ScatterElements": [1: .address],
            "ScatterND": [1: .address],
            "SequenceAt": [1: .address],
            "SequenceErase": [1: .address],
            "SequenceInsert": [2: .address],
            "Slice": [1: .bound, 2: .bound, 3: .shape, 4: .shape],
            "SoftmaxCrossEntropyLoss": [1: .address],
            "Split": [1: .shape],
            "SplitToSequence": [1: .shape],
            "Squeeze": [1: .shape],
            "TensorScatter": [2: .address],
            "Tile": [1: .shape],
            "TopK": [1: .shape],
            "Trilu": [1: .shape],
            "Unsqueeze": [1: .shape],
            "Upsample": [1: .scale],
        ]
        for name in reductions { table[name] = [1: .shape] }
        let ofRuntime: [String: [Int: InputRole]] = [
            "ConvTransposeWithDynamicPads": [2: .shape],
            "ExpandDims": [1: .shape],
            "GatherND": [1: .address],
            "GridSample": [1: .address],
            "GroupQueryAttention": [5: .shape, 6: .shape, 9: .address],
            "Pad": [1: .shape],
            "Range": [0: .bound, 1: .bound, 2: .bound],
            "RelativePositionBias": [1: .shape, 2: .shape],
            "RotaryEmbedding": [1: .address],
            "Trilu": [1: .shape],
        ]
        for (name, roles) in ofRuntime { table[OperatorDomain.runtime.operation(name)] = roles }
        return table
    }()

    /// What a node's input decides; nil: nothing, it is a number to compute with.
    static func role(of node: GraphNode, at position: Int) -> InputRole? {
        // Before its region came to stand there, the second input was the scales.
        if node.operation == "Resize", node.version == 10 { return position == 1 ? .scale : nil }
        return table[node.operation]?[position]
    }

    /// Operators whose results are numbers of their inputs, in other places or of another type: what they read is moved, not
    /// computed with.
    static let moves: Set<String> = [
        "com.microsoft.ExpandDims", "Cast", "CastLike", "Concat", "ConcatFromSequence", "Expand", "Flatten", "Gather",
        "Identity", "Optional",
        "OptionalGetElement", "Reshape", "SequenceAt", "SequenceConstruct", "SequenceErase", "SequenceInsert", "Slice",
        "Split", "SplitToSequence", "Squeeze", "Tile", "Transpose", "Unsqueeze",
    ]

    /// Where operators have a table of which they read slices, along the axis that they name, and the places of those.
    static let tables: [String: (table: Int, place: Int)] = ["Gather": (0, 1)]

    /// Inputs of which operators read the shape or the type, and no numbers.
    static let withoutNumbers: [String: Set<Int>] = [
        "CastLike": [1], "EyeLike": [0], "OptionalHasElement": [0], "SequenceLength": [0], "Shape": [0], "Size": [0],
        OperatorTable.positionsOfWords: [0],
    ]

    /// Operators of which all integers are quantised numbers, weights or zero points.
    static let quantized: Set<String> = Set(
        [
            "QLinearAdd", "QLinearAveragePool", "QLinearConcat", "QLinearConv", "QLinearGlobalAveragePool",
            "QLinearLeakyRelu",
            "QLinearMul", "QLinearSigmoid", "QLinearSoftmax", "QLinearWhere", "QGemm", "DynamicQuantizeMatMul",
            "MatMulIntegerToFloat", "MatMulNBits",
            "QuantizeLinear",
        ].map { "com.microsoft.\($0)" }
    ).union(["ConvInteger", "MatMulInteger", "QLinearConv", "QLinearMatMul", "QuantizeLinear"])

    /// Outputs that follow from shapes and from the inputs in the table alone.
    static let outputsOfShapes: [String: Set<Int>] = ["Dropout": [1]]
}
