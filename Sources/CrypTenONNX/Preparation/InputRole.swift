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

    /// Whether a float that nothing reads but such inputs is public without its owner's word.
    ///
    /// Where it decides a place or a power it may have been trained, so its owner has to name it.
    var opensFloats: Bool {
        switch self {
        case .shape, .bound, .scale: true
        case .address, .exponent, .mode: false
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
            "LSTM": [4: .shape],
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
            "Slice": [1: .bound, 2: .bound, 3: .shape, 4: .shape],
            "SoftmaxCrossEntropyLoss": [1: .address],
            "Split": [1: .shape],
            "Squeeze": [1: .shape],
            "TensorScatter": [2: .address],
            "Tile": [1: .shape],
            "TopK": [1: .shape],
            "Trilu": [1: .shape],
            "Unsqueeze": [1: .shape],
            "Upsample": [1: .scale],
        ]
        for name in reductions { table[name] = [1: .shape] }
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
        "Cast", "CastLike", "Concat", "Expand", "Flatten", "Gather", "Identity", "Reshape", "Slice", "Split", "Squeeze",
        "Tile", "Transpose", "Unsqueeze",
    ]

    /// Inputs of which operators read the shape or the type, and no numbers.
    static let withoutNumbers: [String: Set<Int>] = [
        "CastLike": [1], "EyeLike": [0], "Shape": [0], "Size": [0],
    ]

    /// Outputs that follow from shapes and from the inputs in the table alone.
    static let outputsOfShapes: [String: Set<Int>] = ["Dropout": [1]]
}
