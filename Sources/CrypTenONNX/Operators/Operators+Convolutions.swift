internal import CrypTenBase
internal import CrypTenExpressions
internal import CrypTenRing

extension OperatorTable {
    /// Convolutions of signals, images and volumes, and their transposes.
    static let convolutions: [String: OperatorEntry] = [
        "Conv": OperatorEntry([1, 11, 22], convolve),
        "ConvTranspose": OperatorEntry([1, 11, 22], convolveTransposed),
        "CausalConvWithState": OperatorEntry([27], convolveCausally),
        "Col2Im": OperatorEntry([18], known: [1, 2], foldColumns),
    ]

    private static func checked(_ operation: Operation, _ input: Value, _ kernel: Value) throws {
        guard kernel.shape.rank == input.shape.rank, input.shape.rank >= 3 else {
            throw operation.mismatch(
                "input \(input.shape) and kernel \(kernel.shape) don't fit: [N, C, …] and [O, C / group, …] are needed"
            )
        }
    }

    /// Convolutions with groups, dilation and uneven padding.
    private static func convolve(_ operation: Operation) throws -> [Value] {
        let (input, kernel) = (try operation.real(0), try operation.real(1))
        let bias = try operation.optional(2).map { try $0.expression() }
        return [try convolved(operation, input, kernel, bias: bias, type: input.type)]
    }

    /// The convolution by a node's attributes; operands may be whole numbers.
    static func convolved(
        _ operation: Operation,
        _ input: Value,
        _ kernel: Value,
        bias: CrypTensor?,
        type: ONNXElementType
    ) throws -> Value {
        try checked(operation, input, kernel)
        let windows = try WindowAttributes(
            operation,
            shape: input.shape,
            kernel: Array(kernel.shape.dimensions.dropFirst(2))
        )
        let groups = try operation.int("group", default: 1)
        guard groups >= 1 else { throw operation.malformed("group \(groups) must be 1 or more") }
        if input.shape.rank == 5 {
            let volume = try input.expression().conv3d(
                try kernel.expression(),
                bias: bias,
                stride: windows.strideTriple,
                padding: windows.beforeTriple,
                paddingAfter: windows.afterTriple,
                dilation: windows.dilationTriple,
                groups: groups
            )
            return Value(type, try CrypTenONNX.checked(volume))
        }
        let image = try input.asImage().expression().conv2d(
            try kernel.asImage().expression(),
            bias: bias,
            stride: windows.stridePair,
            padding: windows.sides,
            dilation: windows.dilationPair,
            groups: groups
        )
        return try Value(type, try CrypTenONNX.checked(image)).asSignal(input.shape.rank == 3)
    }

    /// Transposed convolutions; padding may follow from the extents that are asked for.
    static func convolveTransposed(_ operation: Operation) throws -> [Value] {
        let (input, kernel) = (try operation.number(0), try operation.real(1))
        try checked(operation, input, kernel)
        var windows = try WindowAttributes(
            operation,
            shape: input.shape,
            kernel: Array(kernel.shape.dimensions.dropFirst(2))
        )
        let axes = windows.kernel.count
        var extra = try operation.ints("output_padding") ?? [Int](repeating: 0, count: axes)
        let groups = try operation.int("group", default: 1)
        guard groups >= 1, extra.count == axes, extra.allSatisfy({ (0...1 << 20).contains($0) }) else {
            throw operation.malformed("group \(groups) and output_padding \(extra) don't fit \(axes) axes")
        }
        let mode = try operation.string("auto_pad", default: "NOTSET")
        let isSame = mode.hasPrefix("SAME")
        let asked =
            try operation.ints("output_shape").map { Array($0.suffix(axes)) }
            ?? (isSame ? (0..<axes).map { input.shape[$0 + 2] * windows.strides[$0] } : nil)
        if let asked {
            guard asked.count == axes, asked.allSatisfy({ (0...1 << 40).contains($0) }) else {
                throw operation.malformed("output_shape \(asked) isn't one of \(axes) axes")
            }
            for axis in 0..<axes {
                let full =
                    windows.strides[axis] * (input.shape[axis + 2] - 1)
                    + windows.dilations[axis] * (windows.kernel[axis] - 1) + 1
                var total = full + extra[axis] - asked[axis]
                if total < 0 {
                    // Fewer elements than are asked for: the rest is padding at the end, if the stride leaves room.
                    (extra[axis], total) = (extra[axis] - total, 0)
                }
                let half = total / 2
                (windows.before[axis], windows.after[axis]) =
                    mode == "SAME_UPPER" ? (half, total - half) : (total - half, half)
            }
        }
        guard zip(extra, windows.strides).allSatisfy({ $0 < $1 }) else {
            throw operation.unsupported("its output padding \(extra) isn't below its strides \(windows.strides)")
        }
        let bias = try operation.optional(2).map { try $0.expression() }
        if axes == 3 {
            let volume = try input.expression().convTransposed3d(
                try kernel.expression(),
                bias: bias,
                stride: windows.strideTriple,
                padding: windows.beforeTriple,
                paddingAfter: windows.afterTriple,
                outputPadding: IntOrTriple(extra[0], extra[1], extra[2]),
                dilation: windows.dilationTriple,
                groups: groups
            )
            return [Value(kernel.type, try CrypTenONNX.checked(volume))]
        }
        let image = try input.asImage().expression().convTransposed2d(
            try kernel.asImage().expression(),
            bias: bias,
            stride: windows.stridePair,
            padding: windows.sides,
            outputPadding: axes == 1 ? IntOrPair(0, extra[0]) : IntOrPair(extra[0], extra[1]),
            dilation: windows.dilationPair,
            groups: groups
        )
        return [try Value(kernel.type, try CrypTenONNX.checked(image)).asSignal(axes == 1)]
    }

    /// A convolution of each channel by itself with what came before, and the last elements for the next call.
    private static func convolveCausally(_ operation: Operation) throws -> [Value] {
        let (input, weight) = (try operation.real(0), try operation.real(1))
        guard input.shape.rank == 3, weight.shape.rank == 3, weight.shape[1] == 1, weight.shape[0] == input.shape[1]
        else {
            throw operation.mismatch(
                "input \(input.shape) and kernel \(weight.shape) don't fit: [N, C, L] and [C, 1, K] do"
            )
        }
        let before = weight.shape[2] - 1
        let x = try input.expression()
        let past =
            try operation.optional(3)?.expression()
            ?? CrypTensor(0.0).broadcast(to: [input.shape[0], input.shape[1], before])
        let whole = before == 0 ? x : concatenate([past, x], axis: 2)
        let bias = try operation.optional(2).map { try $0.expression() }
        var result = whole.conv1d(try weight.expression(), bias: bias, groups: input.shape[1])
        switch try operation.string("activation", default: "none") {
        case "none": break
        case "silu", "swish": result = result.silu()
        case let other: throw operation.malformed("activation '\(other)' isn't known")
        }
        let length = try CrypTenONNX.checked(whole).shape[2]
        let state = whole.narrow(axis: 2, start: length - before, length: before)
        return [
            Value(input.type, try CrypTenONNX.checked(result)), Value(input.type, try CrypTenONNX.checked(state)),
        ]
    }

    /// Columns of windows added up where they overlap.
    private static func foldColumns(_ operation: Operation) throws -> [Value] {
        let columns = try operation.number(0)
        guard let image = try operation.knownIntegers(1), let block = try operation.knownIntegers(2),
            image.count == block.count, !image.isEmpty, image.count <= 3, columns.shape.rank == 3,
            (image + block).allSatisfy({ (1...1 << 20).contains($0) })
        else { throw operation.malformed("it takes [N, C · block, L], and extents of an image and of a block") }
        let axes = image.count
        func list(_ name: String, _ count: Int, _ standard: Int) throws -> [Int] {
            let values = try operation.ints(name) ?? [Int](repeating: standard, count: count)
            guard values.count == count, values.allSatisfy({ (standard...1 << 20).contains($0) }) else {
                throw operation.malformed("\(name) \(values) must be \(count) numbers from \(standard) on")
            }
            return values
        }
        let (strides, dilations) = (try list("strides", axes, 1), try list("dilations", axes, 1))
        let pads = try list("pads", 2 * axes, 0)
        let blockSize = block.reduce(1, *)
        let outputs = (0..<axes).map { (axis: Int) -> Int in
            let room = image[axis] + pads[axis] + pads[axis + axes]
            return (room - dilations[axis] * (block[axis] - 1) - 1) / strides[axis] + 1
        }
        guard outputs.allSatisfy({ $0 > 0 }), outputs.reduce(1, *) == columns.shape[2],
            columns.shape[1] % blockSize == 0
        else { throw operation.mismatch("columns of shape \(columns.shape) aren't those of an image \(image)") }
        let count = blockSize * columns.shape[2]
        try ImportBudget.spend(count + image.reduce(1, *), for: "places of \(count) columns")
        // The place of every tap of every window, or −1 in the padding.
        var places = [0]
        for axis in 0..<axes {
            places = places.flatMap { base in (0..<block[axis]).map { base * block[axis] + $0 } }
        }
        let taps = places
        places = []
        func split(_ number: Int, _ extents: [Int]) -> [Int] {
            var (rest, digits) = (number, [Int]())
            for extent in extents.reversed() {
                digits.insert(rest % extent, at: 0)
                rest /= extent
            }
            return digits
        }
        for tap in taps {
            let offsets = split(tap, block)
            for window in 0..<columns.shape[2] {
                let start = split(window, outputs)
                var place = 0
                for axis in 0..<axes where place >= 0 {
                    let position = start[axis] * strides[axis] + offsets[axis] * dilations[axis] - pads[axis]
                    place = (0..<image[axis]).contains(position) ? place * image[axis] + position : -1
                }
                places.append(place)
            }
        }
        let inside = places.indices.filter { places[$0] >= 0 }
        let (batch, channels) = (columns.shape[0], columns.shape[1] / blockSize)
        let size = image.reduce(1, *)
        let targets = inside.map { places[$0] }
        return [
            try Value.computed([columns], columns.type) { operands in
                let flat = operands[0].reshape([batch, channels, count]).take(inside, axis: 2)
                let zeros = (operands[0].kind == .real ? CrypTensor(0.0) : CrypTensor(0))
                    .broadcast(to: [batch, channels, size])
                return zeros.indexAdd(targets, flat, axis: 2).reshape([batch, channels] + image)
            }
        ]
    }
}
