import CrypTenBase
package import CrypTenExpressions
import CrypTenONNX
import CrypTenPlanning
import CrypTenRing
import Foundation
import SwiftProtobuf

/// A model of one operator, whose attributes and constants can be replaced by numbers at the ends of their types.
///
/// With whatever numbers it is read, applied, planned and computed in the clear, and ends in values or in a `CrypTenError`.
package struct ExtremeModel: Sendable {
    /// Where numbers stand that can be others.
    package enum Place: Hashable, Sendable {
        case float(String)
        case floats(String)
        case integer(String)
        case integers(String)
        /// An input that becomes a constant: secret, or opened by its owner.
        case reals(String, isOpen: Bool)
        /// An input of integers that becomes a constant.
        case wholes(String)

        /// Whether real numbers stand there.
        package var isReal: Bool {
            switch self {
            case .float, .floats, .reals: true
            case .integer, .integers, .wholes: false
            }
        }
    }

    /// What stands at a place instead.
    package enum Numbers: Hashable, Sendable {
        case reals([Float])
        case wholes([Int64])
    }

    /// One place, and what stands there instead.
    package typealias Change = (place: Place, numbers: Numbers)

    /// How far a model came.
    package enum Stage: Comparable, Sendable {
        case read
        case planned
        case computed
    }

    package let name: String
    private let base: Onnx_ModelProto
    private let inputs: [String: Tensor]

    package init(_ item: OperatorCase) throws {
        name = item.name
        base = try Onnx_ModelProto(serializedBytes: item.model)
        inputs = Dictionary(uniqueKeysWithValues: item.inputs.map { ($0.name, $0.tensor) })
    }

    package init(_ builder: ModelBuilder, named name: String, _ inputs: [String: Tensor]) {
        self.name = name
        base = builder.proto
        self.inputs = inputs
    }

    /// The operator's name.
    package var operation: String {
        base.graph.node[0].opType
    }

    // MARK: Places

    /// The attributes that the operator reads, and the inputs that can be constants of few numbers.
    ///
    /// Costs an import for each attribute.
    package var places: [Place] {
        let named: [(String, Place)] =
            Self.floatNames.map { ($0, .float($0)) } + Self.integerNames.map { ($0, .integer($0)) }
            + Self.floatListNames.map { ($0, .floats($0)) } + Self.integerListNames.map { ($0, .integers($0)) }
        let read = attributesRead(of: named.map(\.0))
        var places = named.filter { read.contains($0.0) }.map(\.1)
        for input in base.graph.input {
            guard let tensor = inputs[input.name], (1...64).contains(tensor.shape.count) else { continue }
            switch tensor.kind {
            case .real: places += [.reals(input.name, isOpen: true), .reals(input.name, isOpen: false)]
            case .integer: places.append(.wholes(input.name))
            case .bit: break
            }
        }
        return places
    }

    /// Of some attributes those that the operator reads: of a wrong type, each is an error that names it.
    private func attributesRead(of names: [String]) -> Set<String> {
        var (read, left) = (Set<String>(), names)
        /// The attribute that an error names where all of these are of a wrong type.
        func named(_ wrong: [String]) -> String? {
            var model = base
            for name in wrong { model.set(name) { ($0.type, $0.strings) = (.strings, [Data()]) } }
            do {
                _ = try expressions(of: model, open: [])
                return nil
            } catch {
                guard let message = (error as? CrypTenError)?.message else { return nil }
                return wrong.first { message.contains("attribute \($0) must be") }
            }
        }
        // All at once until none is named any more; then one by one, for another error may have come first.
        while let name = named(left) {
            read.insert(name)
            left.removeAll { $0 == name }
        }
        return read.union(left.filter { named([$0]) != nil })
    }

    /// How many numbers stand at a place; nil where the operator's default does.
    package func count(at place: Place) -> Int? {
        let attributes = base.graph.node[0].attribute
        switch place {
        case .float, .integer: return 1
        case .floats(let name): return attributes.first { $0.name == name }?.floats.count
        case .integers(let name): return attributes.first { $0.name == name }?.ints.count
        case .reals(let name, _), .wholes(let name): return inputs[name]?.shape.count
        }
    }

    /// The numbers at a place with one of them, or all, replaced; where a list is left out, some of other lengths.
    ///
    /// - Parameters:
    ///   - value: An extreme number, of those for the place's type.
    ///   - position: The number that is replaced, counted modulo those that are there; nil for all.
    ///   - absent: How many numbers a list has that stands nowhere yet.
    package func replacement(at place: Place, with value: Value, position: Int?, absent: Int) -> Numbers {
        let attributes = base.graph.node[0].attribute
        func replaced<Number>(_ list: [Number]?, _ value: Number) -> [Number] {
            guard var list, !list.isEmpty else { return Array(repeating: value, count: absent) }
            guard let position else { return list.map { _ in value } }
            list[position % list.count] = value
            return list
        }
        switch place {
        case .float: return .reals([value.real])
        case .integer: return .wholes([value.whole])
        case .floats(let name): return .reals(replaced(attributes.first { $0.name == name }?.floats, value.real))
        case .integers(let name): return .wholes(replaced(attributes.first { $0.name == name }?.ints, value.whole))
        case .reals(let name, _): return .reals(replaced(inputs[name]?.doubles.map { Float($0) }, value.real))
        case .wholes(let name): return .wholes(replaced(inputs[name]?.integers, value.whole))
        }
    }

    /// A number for places of both types.
    package struct Value: Sendable {
        package var real: Float
        package var whole: Int64

        package init(real: Float = 0, whole: Int64 = 0) {
            (self.real, self.whole) = (real, whole)
        }
    }

    /// Every change of one place: each extreme number instead of the last that is there, and instead of all.
    package func changes(at place: Place) -> [Change] {
        let values =
            place.isReal ? Self.floats.map { Value(real: $0) } : Self.integers.map { Value(whole: $0) }
        return values.flatMap { value -> [Change] in
            guard let count = count(at: place), count > 0 else {
                let lengths: [Int] = if case .floats = place { [1] } else { [1, 2, 4] }
                return lengths.map { (place, replacement(at: place, with: value, position: nil, absent: $0)) }
            }
            let positions: [Int?] = count == 1 ? [0] : [count - 1, nil]
            return positions.map { (place, replacement(at: place, with: value, position: $0, absent: 1)) }
        }
    }

    // MARK: One model

    /// The model with changes, from its bytes to its results.
    ///
    /// - Parameters:
    ///   - changes: The last at a place counts.
    ///   - fractionBits: Of the plan, which is for two parties.
    ///   - mostPlanned: More elements than this are not planned.
    ///   - reached: Called with every stage that is behind it.
    /// - Throws: What the library throws.
    package func run(
        _ changes: [Change],
        fractionBits: Int = 16,
        mostPlanned: Int = .max,
        reached: (Stage) -> Void
    ) throws {
        let (model, open) = changed(changes)
        let (outputs, bindings) = try expressions(of: model, open: open)
        reached(.read)
        let work = ClearEvaluator.work(of: outputs.map(\.node))
        guard work <= mostPlanned else { return }
        let (graph, _) = try Simplify.graph(of: outputs.map { ($0.node, .reveal(to: nil)) })
        _ = try Planner(parties: 2, fractionBits: fractionBits, slabBits: 15).plan(graph, kept: [])
        reached(.planned)
        guard work <= Self.mostComputed else { return }
        _ = try ClearEvaluator { node in
            guard let tensor = bindings[ObjectIdentifier(node)] else {
                throw CrypTenError(.invalidArgument, "an input that isn't there")
            }
            return tensor
        }.evaluate(outputs.map(\.node))
        reached(.computed)
    }

    private static let mostComputed = 1 << 16

    private func changed(_ changes: [Change]) -> (Onnx_ModelProto, open: Set<String>) {
        var (model, open) = (base, Set<String>())
        for (place, numbers) in changes {
            switch (place, numbers) {
            case (.float(let name), .reals(let values)):
                model.set(name) { ($0.type, $0.f) = (.float, values.first ?? 0) }
            case (.floats(let name), .reals(let values)):
                model.set(name) { ($0.type, $0.floats) = (.floats, values) }
            case (.integer(let name), .wholes(let values)):
                model.set(name) { ($0.type, $0.i) = (.int, values.first ?? 0) }
            case (.integers(let name), .wholes(let values)):
                model.set(name) { ($0.type, $0.ints) = (.ints, values) }
            case (.reals(let name, let isOpen), .reals(let values)):
                if isOpen { open.insert(name) } else { open.remove(name) }
                model.setConstant(name, inputs[name]?.shape) { ($0.dataType, $0.floatData) = (1, values) }
            case (.wholes(let name), .wholes(let values)):
                model.setConstant(name, inputs[name]?.shape) { ($0.dataType, $0.int64Data) = (7, values) }
            default:
                preconditionFailure("\(numbers) can't stand at \(place)")
            }
        }
        return (model, open)
    }

    private func expressions(
        of proto: Onnx_ModelProto,
        open: Set<String>
    ) throws -> ([CrypTensor], [ObjectIdentifier: Tensor]) {
        let model = try ONNXModel(bytes: try proto.serializedData(), open: open)
        let known = Set(model.inputs.filter(\.isKnownWherePublic).map(\.name))
        let given = inputs.filter { name, _ in model.inputs.contains { $0.name == name } }
        let imported = try Imported(model, given, publicValues: given.filter { known.contains($0.key) })
        return (model.outputs.compactMap { imported.outputs[$0.name] }, imported.bindings)
    }
}

extension Onnx_ModelProto {
    /// Replaces an attribute of the first node.
    fileprivate mutating func set(_ name: String, _ fill: (inout Onnx_AttributeProto) -> Void) {
        var attribute = Onnx_AttributeProto.with { $0.name = name }
        fill(&attribute)
        graph.node[0].attribute.removeAll { $0.name == name }
        graph.node[0].attribute.append(attribute)
    }

    /// Replaces an input, or a constant, by a constant.
    fileprivate mutating func setConstant(
        _ name: String,
        _ shape: Shape?,
        _ fill: (inout Onnx_TensorProto) -> Void
    ) {
        var constant = Onnx_TensorProto.with {
            $0.name = name
            $0.dims = (shape?.dimensions ?? []).map { Int64($0) }
        }
        fill(&constant)
        graph.input.removeAll { $0.name == name }
        graph.initializer.removeAll { $0.name == name }
        graph.initializer.append(constant)
    }
}
