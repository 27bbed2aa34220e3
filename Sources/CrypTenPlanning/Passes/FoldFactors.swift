import CrypTenExpressions
import CrypTenRing

/// Functions of a public positive number times a value become functions of the value: √(c·z) is √c·√z, and so on, where the number
/// goes into public constants that the function has anyway.
///
/// So a mean of squares is read as the sum of products that it is made of, and nothing of it is truncated away. A public number that
/// is added in between goes along: c·z + e = c·(z + e/c).
package enum FoldFactors {
    package static func apply(_ graph: Graph, fractionBits: Int) -> Graph {
        var folding = Folding(
            graph: graph,
            largestAddend: min(0x1p24, Double(sign: .plus, exponent: 59 - 2 * fractionBits, significand: 1)),
            handedOut: Set(graph.outputs.map(\.entry)),
            consumers: graph.consumers
        )
        return folding.run()
    }

    private struct Folding {
        let graph: Graph
        /// What is added to products has room at their scale below this.
        let largestAddend: Double
        let handedOut: Set<Int>
        let consumers: [[Int]]
        private var out = Graph()
        /// The new number of each entry.
        private var places: [Int] = []

        init(graph: Graph, largestAddend: Double, handedOut: Set<Int>, consumers: [[Int]]) {
            (self.graph, self.largestAddend) = (graph, largestAddend)
            (self.handedOut, self.consumers) = (handedOut, consumers)
        }

        mutating func run() -> Graph {
            for entry in graph.entries {
                var moved = entry
                moved.inputs = entry.inputs.map { places[$0] }
                if let (operand, range, operation) = function(entry), let form = form(entry.inputs[operand]) {
                    moved.operation = operation(range.scaled(by: form.factor))
                    moved.inputs[operand] = value(form, like: entry)
                }
                places.append(out.entries.count)
                out.entries.append(moved)
            }
            out.outputs = graph.outputs.map { Graph.Output(entry: places[$0.entry], destination: $0.destination) }
            return out
        }

        /// Which operand a function is scaled by, and the function of another range.
        private func function(
            _ entry: Graph.Entry
        ) -> (operand: Int, range: MagnitudeRange, (MagnitudeRange) -> Primitive)? {
            switch entry.operation {
            case .logarithm(let range): (0, range, { .logarithm($0) })
            case .reciprocal(let range): (0, range, { .reciprocal($0) })
            case .divide(let range): (1, range, { .divide($0) })
            case .squareRoot(let range): (0, range, { .squareRoot($0) })
            case .inverseSquareRoot(let range): (0, range, { .inverseSquareRoot($0) })
            default: nil
            }
        }

        /// factor · (value + addend)
        private struct Form {
            var value: Int
            var factor: Double
            var addend = 0.0
        }

        /// An entry as a factor times another one, where nobody needs it itself.
        private func form(_ index: Int) -> Form? {
            let entry = graph.entries[index]
            guard entry.isSecret, entry.kind == .real, !handedOut.contains(index),
                consumers[index].allSatisfy({ reader in
                    function(graph.entries[reader])?.operand == place(of: index, in: reader)
                })
            else { return nil }
            switch entry.operation {
            case .bilinear(.multiply):
                return product(index)
            case .add:
                for (secret, plain) in [(0, 1), (1, 0)] {
                    guard let addend = uniform(entry.inputs[plain]), graph.entries[entry.inputs[secret]].isSecret,
                        consumers[entry.inputs[secret]].count == 1, !handedOut.contains(entry.inputs[secret]),
                        case .bilinear(.multiply) = graph.entries[entry.inputs[secret]].operation,
                        var form = product(entry.inputs[secret]), abs(addend / form.factor) < largestAddend
                    else { continue }
                    form.addend = addend / form.factor
                    return form
                }
                return nil
            default:
                return nil
            }
        }

        private func product(_ index: Int) -> Form? {
            let entry = graph.entries[index]
            for (secret, plain) in [(0, 1), (1, 0)] {
                let value = entry.inputs[secret]
                guard graph.entries[value].isSecret, graph.entries[value].kind == .real,
                    graph.entries[value].shape == entry.shape,
                    let factor = uniform(entry.inputs[plain]), factor > 0x1p-40, factor < 0x1p40
                else { continue }
                return Form(value: value, factor: factor)
            }
            return nil
        }

        private func place(of index: Int, in reader: Int) -> Int? {
            let inputs = graph.entries[reader].inputs
            return inputs.count(where: { $0 == index }) == 1 ? inputs.firstIndex(of: index) : nil
        }

        /// The one number of a constant.
        private func uniform(_ index: Int) -> Double? {
            guard case .constant(let tensor) = graph.entries[index].operation,
                let first = tensor.doubles.first, first.isFinite, tensor.doubles.allSatisfy({ $0 == first })
            else { return nil }
            return first
        }

        /// The entry of value + addend.
        private mutating func value(_ form: Form, like reader: Graph.Entry) -> Int {
            if form.addend == 0 { return places[form.value] }
            let value = graph.entries[form.value]
            out.entries.append(
                Graph.Entry(
                    operation: .constant(
                        Tensor([Double](repeating: form.addend, count: value.shape.count), shape: value.shape)
                    ),
                    inputs: [],
                    shape: value.shape,
                    kind: .real,
                    isSecret: false,
                    layer: reader.layer,
                    number: reader.number
                )
            )
            out.entries.append(
                Graph.Entry(
                    operation: .add,
                    inputs: [places[form.value], out.entries.count - 1],
                    shape: value.shape,
                    kind: .real,
                    isSecret: true,
                    layer: reader.layer,
                    number: reader.number
                )
            )
            return out.entries.count - 1
        }
    }
}
