internal import CrypTenBase
internal import CrypTenExpressions
internal import CrypTenRing

extension Graph {
    /// Where scales of grids stand among the inputs; zero points follow them.
    private static let scales: [String: [Int]] = [
        "QuantizeLinear": [1], "DequantizeLinear": [1], "QLinearConv": [1, 4, 6], "QLinearMatMul": [1, 4, 6],
        "com.microsoft.QuantizeLinear": [1], "com.microsoft.DequantizeLinear": [1],
        "com.microsoft.QLinearAdd": [1, 4, 6],
        "com.microsoft.QLinearMul": [1, 4, 6], "com.microsoft.QLinearSigmoid": [1, 3],
        "com.microsoft.QLinearLeakyRelu": [1, 3],
        "com.microsoft.QLinearSoftmax": [1, 3], "com.microsoft.QLinearGlobalAveragePool": [1, 3],
        "com.microsoft.QLinearAveragePool": [1, 3], "com.microsoft.QLinearConcat": [0],
        "com.microsoft.QLinearWhere": [2, 5, 7],
        "com.microsoft.QGemm": [1, 4, 7], "com.microsoft.DynamicQuantizeMatMul": [2],
        "com.microsoft.MatMulIntegerToFloat": [2, 3],
        "com.microsoft.MatMulNBits": [2],
    ]

    /// - Throws: `CrypTenError.Code.malformedFile` for a scale that isn't a positive number, at the owner, who alone can know. Those of
    ///   blocks of weights may have any sign: quantisers give the end with the larger magnitude a level of its own.
    func checkScales() throws {
        guard nodes.contains(where: { Graph.scales[$0.operation] != nil }) else { return }
        let tensors = constants.reduce(into: [:]) { $0[$1.name] = $1.tensor }
        for node in nodes {
            let isOfBlocks =
                node.operation == "com.microsoft.MatMulNBits" || node.attributes["block_size"] ?? .int(0) != .int(0)
            for position in Graph.scales[node.operation] ?? [] where position < node.inputs.count {
                guard let tensor = tensors[node.inputs[position]], tensor.kind == .real,
                    let index = tensor.doubles.firstIndex(where: { !$0.isFinite || ($0 <= 0 && !isOfBlocks) })
                else { continue }
                throw CrypTenError(
                    .malformedFile,
                    "node \(onOneLine(node.name)) (\(node.operation)): its scale '\(onOneLine(node.inputs[position]))' isn't a \(isOfBlocks ? "finite" : "positive") number "
                        + "at index \(index); quantise the model anew"
                )
            }
        }
    }
}
