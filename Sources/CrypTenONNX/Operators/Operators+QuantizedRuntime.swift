internal import CrypTenBase
internal import CrypTenExpressions
internal import CrypTenRing

extension OperatorTable {
    /// What onnxruntime's quantisation writes beside the standard's operators. All but packed weights have become the standard's
    /// operators between grids before any node is imported (`QuantizedOperators`); what is left has a form that isn't computed.
    static let quantizedRuntime: [String: OperatorEntry] = {
        let names = [
            "QuantizeLinear", "DequantizeLinear", "QLinearAdd", "QLinearAveragePool", "QLinearConcat",
            "QLinearGlobalAveragePool",
            "QLinearLeakyRelu", "QLinearMul", "QLinearSigmoid", "QLinearSoftmax", "QLinearWhere", "QGemm",
            "DynamicQuantizeMatMul",
            "MatMulIntegerToFloat",
        ]
        let form = OperatorEntry([1]) { operation in
            if try operation.flag("channels_last", default: false) {
                throw operation.unsupported("its channels come last; channels in the second axis are computed here")
            }
            throw operation.unsupported(
                "inputs or attributes are missing, or it stands in the body of a loop; whole nodes of the graph itself are computed here"
            )
        }
        var entries = Dictionary(uniqueKeysWithValues: names.map { ("com.microsoft.\($0)", form) })
        entries["com.microsoft.MatMulNBits"] = OperatorEntry([1], multiplyPacked)
        for name in ["QLinearConv", "QLinearMatMul"] {
            entries[name] = OperatorEntry(name == "QLinearMatMul" ? [10, 21] : [10]) {
                throw $0.unsupported(
                    "inputs are missing, or it stands in the body of a loop; whole nodes of the graph itself are computed here"
                )
            }
        }
        return entries
    }()

    /// The name of the node that makes reals of packed weights.
    static let unpackedWeights = "unpacked weights"

    /// Only where weights aren't constant does anything of it come to the run.
    private static func multiplyPacked(_ operation: Operation) throws -> [Value] {
        if operation.optional(4) != nil {
            throw operation.unsupported(
                "its rows are quantised in an order of their own (g_idx); rows in their own order are computed here"
            )
        }
        throw operation.unsupported("its packed weights aren't constants of the model, or its attributes are missing")
    }

    /// Weights of 4 or 8 bits in blocks, `[N, blocks, bytes]`, with a scale for each block, as reals `[K, N]`.
    static func unpacked(_ operation: Operation) throws -> [Value] {
        let (packed, scale) = (try operation.input(0), try operation.real(1))
        let zeroPoint = operation.optional(2)
        guard let bits = try operation.int("bits"), bits == 4 || bits == 8, let block = try operation.int("block_size"),
            (16...1 << 20).contains(block), block & (block - 1) == 0,
            let inner = try operation.int("K"), let outer = try operation.int("N"),
            (1...1 << 24).contains(inner), (1...1 << 24).contains(outer), packed.type == .uint8
        else { throw operation.malformed("it takes uint8, 4 or 8 bits, and blocks of a power of two from 16 on") }
        let blocks = (inner + block - 1) / block
        let bytes = block * bits / 8
        let target = try Shape(checking: [inner, outer])
        guard packed.shape.count == outer * blocks * bytes, scale.shape.count == outer * blocks else {
            throw operation.malformed(
                "weights of shape \(packed.shape) and scales of shape \(scale.shape) aren't \(outer) rows of \(blocks) blocks of \(block)"
            )
        }
        try QuantizationGrid.check(scale, operation, isOfBlocks: true)
        let rowBytes = (blocks * bits + 7) / 8
        if let zeroPoint {
            let isPacked = zeroPoint.type == .uint8
            guard isPacked || zeroPoint.type.kind == .real,
                zeroPoint.shape.count == outer * (isPacked ? rowBytes : blocks)
            else {
                throw operation.malformed(
                    "zero points of shape \(zeroPoint.shape) aren't those of \(outer) rows of \(blocks) blocks"
                )
            }
        }
        let values = [packed, scale] + (zeroPoint.map { [$0] } ?? [])
        let sources = values.flatMap(\.sources).reduce(into: [String]()) { if !$0.contains($1) { $0.append($1) } }
        let tensors = values.compactMap(\.numbers)
        guard tensors.count == values.count else {
            guard values.allSatisfy({ !$0.isOfRun }) else {
                throw operation.unsupported("its weights aren't constants")
            }
            return [Value(scale.type, weight: Value.Weight(shape: target, tensor: nil, sources: sources))]
        }
        try ImportBudget.spend(target.count, for: "weights of shape \(target)")
        let (words, scales) = (wholeNumbers(tensors[0]), tensors[1].doubles)
        let zeros = tensors.count > 2 ? tensors[2].doubles : nil
        func number(_ words: (Int) -> Int64, _ index: Int) -> Int64 {
            bits == 8 ? words(index) : words(index / 2) >> (index % 2 == 0 ? 0 : 4) & 15
        }
        var weights = [Double](repeating: 0, count: target.count)
        for row in 0..<outer {
            for column in 0..<inner {
                let (place, within) = (row * blocks + column / block, column % block)
                let level = number({ words[place * bytes + $0] }, within)
                let zero: Double =
                    if let zeros {
                        zeroPoint?.type == .uint8
                            ? Double(number({ Int64(zeros[row * rowBytes + $0]) }, column / block)) : zeros[place]
                    } else {
                        Double(1 << (bits - 1))
                    }
                weights[column * outer + row] = (Double(level) - zero) * scales[place]
            }
        }
        let tensor = Tensor(weights, shape: target)
        return [
            sources.isEmpty
                ? Value(scale.type, known: tensor)
                : Value(scale.type, weight: Value.Weight(shape: target, tensor: tensor, sources: sources))
        ]
    }
}

extension Value {
    /// Whether it comes with the run.
    var isOfRun: Bool {
        if case .expression = content { return true }
        return false
    }
}
