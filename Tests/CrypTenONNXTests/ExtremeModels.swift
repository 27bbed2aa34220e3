import CrypTen
import CrypTenBase
import CrypTenExpressions
import CrypTenONNX
import CrypTenPlanning
import CrypTenRing
import Foundation
import SwiftProtobuf
import Testing

/// Models of one operator whose attributes and constants are replaced, one at a time, by numbers at the ends of their types.
///
/// Each is read, applied, planned and computed in the clear, and ends in values or in a `CrypTenError`.
struct ExtremeModels {
    static let floats: [Float] = {
        let sizes: [Float] = [
            0, .leastNonzeroMagnitude, .leastNormalMagnitude, 1e-10, 0.25, 1.5, 1e6, 1e9, 0x1p31, 0x1p62, 0x1p63, 1e38,
            .greatestFiniteMagnitude, .infinity,
        ]
        return sizes + sizes.map { -$0 } + [.nan]
    }()

    static let integers: [Int64] = [
        0, 1, -1, 2, 3, -2, 7, 64, 1 << 24, 1 << 31, -(1 << 31), 1 << 40, 1 << 53, 1 << 62, .max, .min, .min + 1,
    ]

    /// Attributes of the operators that are read, by their type.
    static let floatNames = [
        "alpha", "beta", "gamma", "bias", "lambd", "epsilon", "scale", "softcap", "clip", "spatial_scale",
        "cubic_coeff_a",
        "extrapolation_value", "min", "max", "value",
    ]
    static let floatListNames = ["scales", "activation_alpha", "activation_beta"]
    static let integerNames = [
        "axis", "to", "dtype", "k", "blocksize", "num_outputs", "group", "groups", "num_groups", "p", "size",
        "ignore_index",
        "output_datatype", "batch_dims", "time_axis", "batch_axis", "hidden_size", "output_height", "output_width",
        "sampling_ratio", "offset_group", "q_num_heads", "kv_num_heads", "num_heads", "rotary_embedding_dim",
        "qk_matmul_output_mode", "left_window_size", "right_window_size", "num_scan_inputs", "start", "end",
        "broadcast",
        "storage_order", "ceil_mode", "layout",
    ]
    static let integerListNames = [
        "axes", "pads", "strides", "dilations", "kernel_shape", "output_padding", "output_shape", "starts", "ends",
        "split",
        "perm", "scan_input_axes", "scan_output_axes", "scan_input_directions", "scan_output_directions",
    ]

    /// How many models there were, how many were read, and how many planned.
    private(set) var models = 0
    private(set) var read = 0
    private(set) var planned = 0
    private(set) var failures: [String] = []

    private let name: String
    private let base: Onnx_ModelProto
    private let inputs: [String: Tensor]
    private static let mostWork = 1 << 16

    init(_ item: OperatorCase) throws {
        name = item.name
        base = try Onnx_ModelProto(serializedBytes: item.model)
        inputs = Dictionary(uniqueKeysWithValues: item.inputs.map { ($0.name, $0.tensor) })
    }

    init(_ builder: ModelBuilder, named name: String, _ inputs: [String: Tensor]) {
        self.name = name
        base = builder.proto
        self.inputs = inputs
    }

    /// Every change, one at a time.
    mutating func walk() {
        attempt("unchanged", base)
        for name in Self.floatNames where isRead(name) {
            for value in Self.floats {
                attempt("\(name) \(value)", setting(name) { ($0.type, $0.f) = (.float, value) })
            }
        }
        for name in Self.integerNames where isRead(name) {
            for value in Self.integers {
                attempt("\(name) \(value)", setting(name) { ($0.type, $0.i) = (.int, value) })
            }
        }
        for name in Self.floatListNames where isRead(name) {
            let given = base.graph.node[0].attribute.first { $0.name == name }?.floats ?? [1]
            for value in Self.floats {
                for list in Self.changes(of: given, to: value) {
                    attempt("\(name) \(list)", setting(name) { ($0.type, $0.floats) = (.floats, list) })
                }
            }
        }
        for name in Self.integerListNames where isRead(name) {
            let given = base.graph.node[0].attribute.first { $0.name == name }?.ints
            for value in Self.integers {
                let lists =
                    given.map { Self.changes(of: $0, to: value) }
                    ?? [1, 2, 4].map { Array(repeating: value, count: $0) }
                for list in lists {
                    attempt("\(name) \(list)", setting(name) { ($0.type, $0.ints) = (.ints, list) })
                }
            }
        }
        for position in base.graph.input.indices { walkConstant(position) }
    }

    /// An input as a constant, with extreme numbers: public, and secret.
    private mutating func walkConstant(_ position: Int) {
        let name = base.graph.input[position].name
        guard let tensor = inputs[name], (1...64).contains(tensor.shape.count) else { return }
        var model = base
        model.graph.input.remove(at: position)
        func constant(_ fill: (inout Onnx_TensorProto) -> Void) -> Onnx_ModelProto {
            var model = model
            model.graph.initializer.append(
                .with {
                    $0.name = name
                    $0.dims = tensor.shape.dimensions.map { Int64($0) }
                    fill(&$0)
                }
            )
            return model
        }
        switch tensor.kind {
        case .real:
            for value in Self.floats {
                for list in Self.changes(of: tensor.doubles.map { Float($0) }, to: value) {
                    let changed = constant { ($0.dataType, $0.floatData) = (1, list) }
                    attempt("public \(name) \(value)", changed, open: [name])
                    attempt("secret \(name) \(value)", changed)
                }
            }
        case .integer:
            for value in Self.integers {
                for list in Self.changes(of: tensor.integers ?? [], to: value) {
                    attempt("\(name) \(list)", constant { ($0.dataType, $0.int64Data) = (7, list) })
                }
            }
        case .bit:
            break
        }
    }

    /// One element changed, and all.
    private static func changes<Number>(of list: [Number], to value: Number) -> [[Number]] {
        guard let last = list.indices.last else { return [[value]] }
        var one = list
        one[last] = value
        return list.count == 1 ? [one] : [one, list.map { _ in value }]
    }

    /// Whether an operator reads an attribute: one of another type is an error that names it.
    private func isRead(_ name: String) -> Bool {
        let model = setting(name) { ($0.type, $0.strings) = (.strings, [Data()]) }
        do {
            _ = try expressions(of: model, open: [])
            return false
        } catch {
            return (error as? CrypTenError)?.message.contains("attribute \(name) must be") == true
        }
    }

    private func setting(_ name: String, _ set: (inout Onnx_AttributeProto) -> Void) -> Onnx_ModelProto {
        var model = base
        var attribute = Onnx_AttributeProto.with { $0.name = name }
        set(&attribute)
        model.graph.node[0].attribute.removeAll { $0.name == name }
        model.graph.node[0].attribute.append(attribute)
        return model
    }

    // MARK: One model

    private mutating func attempt(_ change: @autoclosure () -> String, _ model: Onnx_ModelProto, open: Set<String> = [])
    {
        models += 1
        do {
            let (outputs, bindings) = try expressions(of: model, open: open)
            read += 1
            let (graph, _) = try Simplify.graph(of: outputs.map { ($0.node, .reveal(to: nil)) })
            _ = try Planner(parties: 2, fractionBits: 16).plan(graph, kept: [])
            planned += 1
            guard ClearEvaluator.work(of: outputs.map(\.node)) <= Self.mostWork else { return }
            _ = try ClearEvaluator { node in
                guard let tensor = bindings[ObjectIdentifier(node)] else {
                    throw CrypTenError(.invalidArgument, "an input that isn't there")
                }
                return tensor
            }.evaluate(outputs.map(\.node))
        } catch let error as CrypTenError {
            if error.message.count < 10 { failures.append("\(name), \(change()): \(error)") }
        } catch {
            failures.append("\(name), \(change()): \(error) has no code")
        }
    }

    private func expressions(
        of proto: Onnx_ModelProto,
        open: Set<String>
    ) throws -> ([CrypTensor], [ObjectIdentifier: Tensor]) {
        let model = try ONNXModel(bytes: try proto.serializedData(), open: open)
        let known = Set(model.inputs.filter(\.mustBeKnown).map(\.name))
        let given = inputs.filter { name, _ in model.inputs.contains { $0.name == name } }
        let imported = try Imported(model, given, publicValues: given.filter { known.contains($0.key) })
        return (model.outputs.compactMap { imported.outputs[$0.name] }, imported.bindings)
    }
}
