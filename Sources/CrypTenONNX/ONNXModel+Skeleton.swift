internal import CrypTenBase
public import CrypTenExpressions
internal import CrypTenRing
public import Foundation
internal import SwiftProtobuf

extension ONNXModel {
    /// The model without its secret weights, for the other parties: names, shapes, types, operators, attributes and public
    /// constants, as an ONNX file whose secret tensors have no data.
    ///
    /// It is written anew from what was understood, so that nothing else of the file (documentation, other graphs, unused
    /// tensors) leaves the owner. Equal models have equal bytes.
    public func skeleton() throws -> Data {
        var proto = try proto { $0.isSecret ? nil : $0.tensor }
        proto.metadataProps = [.with { ($0.key, $0.value) = (GraphReader.skeletonKey, "1") }]
        if !weightExponents.isEmpty {
            proto.metadataProps.append(.with { ($0.key, $0.value) = (GraphReader.exponentsKey, exponentText) })
        }
        return try serialized(proto)
    }

    /// The model as an ONNX file, with numbers for its weights: a network that was trained goes on as any other.
    ///
    /// - Parameter weights: A tensor for each of ``parameters``, by its name, of a model that was loaded for training.
    /// - Throws: `.invalidArgument` for a weight that is missing, or has another shape, and for a model that was loaded for inference,
    ///   whose parameters aren't those of its file.
    public func file(weights: [String: Tensor]) throws -> Data {
        guard purpose == .training else {
            throw CrypTenError(
                .invalidArgument,
                "a model that was loaded for inference can't be written: load it for training"
            )
        }
        for constant in graph.constants where constant.isSecret {
            guard let weight = weights[constant.name], weight.shape == constant.shape else {
                throw CrypTenError(
                    .invalidArgument,
                    "there are no numbers of shape \(constant.shape) for the weight '\(constant.name)'"
                )
            }
        }
        var numbers: [String: Tensor] = [:]
        for constant in graph.constants where constant.isSecret {
            numbers[constant.name] = try weights[constant.name].map { try written($0, as: constant) }
        }
        // One public number stands in a node of its own: read again as an initialiser it would be a weight.
        let single = graph.constants.filter { !$0.isSecret && $0.shape.count == 1 && $0.type.kind == .real }
        var proto = try proto { $0.isSecret ? numbers[$0.name] : $0.tensor }
        let names = Set(single.map(\.name))
        let values = proto.graph.initializer.filter { names.contains($0.name) }
        proto.graph.initializer.removeAll { names.contains($0.name) }
        let nodes = values.map { value in
            Onnx_NodeProto.with {
                ($0.name, $0.opType, $0.output) = (value.name, "Constant", [value.name])
                $0.attribute = [.with { ($0.name, $0.type, $0.t) = ("value", .tensor, value) }]
            }
        }
        proto.graph.node = nodes + proto.graph.node
        return try serialized(proto)
    }

    /// A weight in the type that the file has it in.
    ///
    /// - Throws: `.outOfRange` for a number that the type doesn't hold.
    private func written(_ weight: Tensor, as constant: GraphConstant) throws -> Tensor {
        func problem(_ index: Int) -> CrypTenError {
            CrypTenError(
                .outOfRange,
                "the weight '\(constant.name)' at index \(index) is \(weight.doubles[index]), which \(constant.type.rawValue) doesn't hold"
            )
        }
        if constant.type == .float16, let index = weight.doubles.firstIndex(where: { !($0.magnitude < 65520) }) {
            throw problem(index)
        }
        guard constant.type.kind == .integer else { return weight }
        let whole = try weight.doubles.enumerated().map { index, number in
            guard let whole = Int64(exactly: number.rounded()) else { throw problem(index) }
            return whole
        }
        return Tensor(whole, shape: weight.shape)
    }

    private func proto(_ numbers: (GraphConstant) -> Tensor?) throws -> Onnx_ModelProto {
        var proto = Onnx_ModelProto()
        proto.irVersion = 8
        proto.opsetImport = OperatorDomain.allCases.compactMap { domain in
            graph.opsets[domain].map { version in .with { ($0.domain, $0.version) = (domain.rawValue, Int64(version)) }
            }
        }
        proto.graph.name = graph.name
        proto.graph.input = graph.inputs.map { input in
            var info = valueInfo(input.name, input.type, input.dimensions)
            if input.texts != nil { info.type.tensorType.elemType = Int32(Onnx_TensorProto.DataType.string.rawValue) }
            return info
        }
        proto.graph.output = graph.outputs.map { output in
            var info = valueInfo(output.name, output.type, output.dimensions)
            if output.texts != nil { info.type.tensorType.elemType = Int32(Onnx_TensorProto.DataType.string.rawValue) }
            return info
        }
        proto.graph.initializer = graph.constants.map { constant in
            guard let texts = constant.texts else {
                return tensorProto(constant.name, constant.type, constant.shape, numbers(constant))
            }
            return .with {
                ($0.name, $0.dataType) = (constant.name, Int32(Onnx_TensorProto.DataType.string.rawValue))
                $0.dims = constant.shape.dimensions.map { Int64($0) }
                $0.stringData = texts.map { Data($0.utf8) }
            }
        }
        proto.graph.node = try written { try graph.nodes.map(nodeProto) }
        return proto
    }

    private func serialized(_ proto: Onnx_ModelProto) throws -> Data {
        try written { try proto.serializedData() }
    }

    private func written<Result>(_ body: () throws -> Result) throws -> Result {
        do {
            return try body()
        } catch {
            throw CrypTenError(.malformedFile, "the model can't be written", cause: error)
        }
    }

    private func nodeProto(_ node: GraphNode) throws -> Onnx_NodeProto {
        // What a nested graph reads follows from it, and isn't written as the node's inputs.
        var proto = Onnx_NodeProto()
        proto.name = node.name
        (proto.domain, proto.opType) = OperatorDomain.split(node.operation)
        proto.input = Array(node.inputs.prefix(node.operandCount))
        proto.output = node.outputs
        proto.attribute = try node.attributes.sorted { $0.key < $1.key }.map {
            try attributeProto($0.key, $0.value, under: node.path(ofGraph: $0.key))
        }
        return proto
    }

    private func valueInfo(_ name: String, _ type: ONNXElementType, _ dimensions: [Dimension]?) -> Onnx_ValueInfoProto {
        .with {
            $0.name = name
            $0.type.tensorType.elemType = type.standardNumber
            guard let dimensions else { return }
            $0.type.tensorType.shape = .with {
                $0.dim = dimensions.map { dimension in
                    .with {
                        switch dimension {
                        case .fixed(let extent): $0.dimValue = Int64(extent)
                        case .named(let name): $0.dimParam = name
                        case .unknown: break
                        }
                    }
                }
            }
        }
    }

    private func tensorProto(
        _ name: String,
        _ type: ONNXElementType,
        _ shape: Shape,
        _ tensor: Tensor?
    ) -> Onnx_TensorProto {
        .with {
            $0.name = name
            $0.dims = shape.dimensions.map { Int64($0) }
            $0.dataType = type.standardNumber
            if let tensor { $0.rawData = rawData(of: tensor, type: type) }
        }
    }

    /// - Parameter path: What names of nodes inside of a graph begin with, which isn't written: whoever reads it puts it there.
    private func attributeProto(
        _ name: String,
        _ attribute: GraphAttribute,
        under path: String
    ) throws -> Onnx_AttributeProto {
        try .with {
            $0.name = name
            switch attribute {
            case .graph(let body):
                var graph = Onnx_GraphProto()
                graph.input = body.inputs.map { input in .with { $0.name = input } }
                graph.output = body.outputs.map { output in .with { $0.name = output } }
                graph.node = try body.nodes.map { node in
                    var proto = try nodeProto(node)
                    if proto.name.hasPrefix("\(path)/") { proto.name.removeFirst(path.count + 1) }
                    return proto
                }
                ($0.type, $0.g) = (.graph, try graph.serializedData())
            case .float(let value): ($0.type, $0.f) = (.float, value)
            case .int(let value): ($0.type, $0.i) = (.int, Int64(value))
            case .string(let text): ($0.type, $0.s) = (.string, Data(text.utf8))
            case .floats(let values): ($0.type, $0.floats) = (.floats, values)
            case .ints(let values): ($0.type, $0.ints) = (.ints, values.map { Int64($0) })
            case .strings(let texts): ($0.type, $0.strings) = (.strings, texts.map { Data($0.utf8) })
            case .tensor(let type, let tensor): ($0.type, $0.t) = (.tensor, tensorProto("", type, tensor.shape, tensor))
            }
        }
    }

    /// The numbers of a public constant in its own type, little-endian; 16-bit floats keep their values.
    private func rawData(of tensor: Tensor, type: ONNXElementType) -> Data {
        func bytes<Word: FixedWidthInteger>(_ words: [Word]) -> Data {
            words.map(\.littleEndian).withUnsafeBytes { Data($0) }
        }
        let integers = tensor.integers ?? []
        switch type {
        case .float: return bytes(tensor.doubles.map { Float($0).bitPattern })
        case .double: return bytes(tensor.doubles.map(\.bitPattern))
        case .float16: return bytes(tensor.doubles.map { Float($0).halfBits })
        case .bfloat16: return bytes(tensor.doubles.map { Float($0).brainBits })
        case .int8, .uint8: return bytes(integers.map { UInt8(truncatingIfNeeded: $0) })
        case .int16, .uint16: return bytes(integers.map { UInt16(truncatingIfNeeded: $0) })
        case .int32, .uint32: return bytes(integers.map { UInt32(truncatingIfNeeded: $0) })
        case .int64, .uint64: return bytes(integers.map { UInt64(bitPattern: $0) })
        case .int4, .uint4, .int2, .uint2:
            let (bits, perByte) = (type.bits, 8 / type.bits)
            return bytes(
                stride(from: 0, to: integers.count, by: perByte).map { start -> UInt8 in
                    integers[start..<Swift.min(start + perByte, integers.count)].enumerated().reduce(0) { byte, part in
                        byte | UInt8(truncatingIfNeeded: part.element & (1 << bits - 1)) << (part.offset * bits)
                    }
                }
            )
        case .bool: return bytes(integers.map { UInt8(truncatingIfNeeded: $0) })
        }
    }
}

extension Float {
    /// The nearest 16-bit float, of two as near the even one; of magnitudes below 65,520, infinities and what isn't a number.
    fileprivate var halfBits: UInt16 {
        let sign = UInt16(bitPattern >> 16) & 0x8000
        let magnitude = Swift.abs(self)
        if isNaN { return sign | 0x7e00 }
        if magnitude.isInfinite { return sign | 0x7c00 }
        if magnitude < 0x1p-14 { return sign | UInt16((magnitude * 0x1p24).rounded(.toNearestOrEven)) }
        // A mantissa that rounds up to 1 goes into the exponent.
        let rounded = magnitude.bitPattern + 0xfff + (magnitude.bitPattern >> 13 & 1)
        return sign | UInt16(truncatingIfNeeded: (rounded >> 13) - (112 << 10))
    }

    /// The nearest float of 8 bits of precision, of two as near the even one.
    fileprivate var brainBits: UInt16 {
        if isNaN || isInfinite { return UInt16(bitPattern >> 16) }
        return UInt16(truncatingIfNeeded: (bitPattern + 0x7fff + (bitPattern >> 16 & 1)) >> 16)
    }
}
