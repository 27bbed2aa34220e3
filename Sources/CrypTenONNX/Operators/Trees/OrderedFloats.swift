internal import CrypTenBase
internal import CrypTenExpressions
internal import CrypTenRing

/// Floats of 32 bits as whole numbers in the same order.
///
/// Features that trees alone read are compared and nothing else, so their owner may give, instead of a number that the encoding rounds, its
/// place among all floats, and the model's owner those of thresholds: then every comparison is the file's own, to the last bit.
enum OrderedFloats {
    /// Beyond all places of floats, infinities among them: where a number is missing.
    static let beyond: Int64 = 1 << 31

    /// The place of a number, rounded to a float; −0 has that of 0.
    static func place(of number: Double) -> Int64 {
        let bits = Int32(bitPattern: Float(number).bitPattern)
        return bits >= 0 ? Int64(bits) : Int64(Int32.min) - Int64(bits)
    }

    /// The places of thresholds; nil of those that aren't floats of 32 bits.
    ///
    /// A threshold that isn't a number compares with none.
    static func places(of thresholds: Value, _ comparisons: [TreeComparison]) -> Value? {
        guard thresholds.type == .float, thresholds.shape.count == comparisons.count else { return nil }
        func places(_ tensor: Tensor) -> Tensor {
            let places = zip(tensor.doubles, comparisons).map { number, comparison -> Int64 in
                guard number.isNaN else { return place(of: number) }
                return comparison == .lessOrEqual || comparison == .less ? -beyond : beyond
            }
            return Tensor(places, shape: tensor.shape)
        }
        switch thresholds.content {
        case .known(let tensor): return Value(.int64, known: places(tensor))
        case .weight(var weight):
            weight.tensor = weight.tensor.map(places)
            return Value(.int64, weight: weight)
        case .expression, .list, .nothing: return nil
        }
    }
}

extension Graph {
    /// Marks inputs whose numbers nothing reads but comparisons of trees with floats.
    ///
    /// - Parameter nodes: Prepared ones.
    mutating func markOrderedInputs(_ nodes: [GraphNode]) {
        let (order, features) = (Preparation.ScaledTreeInput.order, Preparation.ScaledTreeInput.features)
        for index in inputs.indices where inputs[index].type == .float && !inputs[index].mayLackNumbers {
            let name = inputs[index].name
            let readers = nodes.filter { $0.inputs.contains(name) }
            inputs[index].isOrdered =
                !readers.isEmpty && !outputs.contains { $0.name == name }
                && readers.allSatisfy { node in
                    node.operation == OperatorTable.scaledTrees && node.inputs[0] == name
                        && node.inputs.count > order && !node.inputs[order].isEmpty
                }
            // Of a feature that is hidden nobody can say that it is missing.
            inputs[index].mayMissPlaces = inputs[index].isOrdered && readers.allSatisfy { $0.inputs[features].isEmpty }
        }
    }
}
