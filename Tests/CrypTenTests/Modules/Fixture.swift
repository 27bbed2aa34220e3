import CrypTen
import Foundation

/// Files of the folder Fixtures, which scripts write.
enum Fixture {
    /// A file as a value.
    static func read<Value: Decodable>(_ name: String, as type: Value.Type = Value.self) throws -> Value {
        let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        return try JSONDecoder().decode(type, from: Data(contentsOf: folder.appendingPathComponent("Fixtures/\(name)")))
    }
}

/// An argument of a Python call.
enum PythonValue: Decodable, Sendable, CustomStringConvertible {
    case bool(Bool)
    case number(Double)
    case text(String)
    case list([PythonValue])
    case dictionary([String: PythonValue])

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if let value = try? container.decode(Bool.self) {
            self = .bool(value)
        } else if let value = try? container.decode(Double.self) {
            self = .number(value)
        } else if let value = try? container.decode(String.self) {
            self = .text(value)
        } else if let value = try? container.decode([PythonValue].self) {
            self = .list(value)
        } else {
            self = .dictionary(try container.decode([String: PythonValue].self))
        }
    }

    var description: String {
        switch self {
        case .bool(let value): "\(value)"
        case .number(let value): "\(value)"
        case .text(let value): value
        case .list(let values): "\(values)"
        case .dictionary(let values): "\(values)"
        }
    }

    var number: Double? {
        if case .number(let value) = self { value } else { nil }
    }

    /// A list of whole numbers; one stands for a list of one.
    var integers: [Int] {
        switch self {
        case .number(let value): [Int(value)]
        case .list(let values): values.flatMap(\.integers)
        default: []
        }
    }
}

/// The arguments of a Python call by name.
typealias PythonArguments = [String: PythonValue]

extension PythonArguments {
    func integer(_ name: String, default value: Int = 0) -> Int {
        self[name]?.integers.first ?? value
    }

    func number(_ name: String, default value: Double) -> Double {
        self[name]?.number ?? value
    }

    func flag(_ name: String, default value: Bool) -> Bool {
        if case .bool(let flag)? = self[name] { flag } else { value }
    }

    func text(_ name: String) -> String {
        if case .text(let text)? = self[name] { text } else { "" }
    }

    /// Rows and columns, of one number or two.
    func pair(_ name: String, default value: Int) -> IntOrPair {
        let values = self[name]?.integers ?? [value]
        return IntOrPair(values[0], values[values.count - 1])
    }

    /// Depth, rows and columns, of one number or three.
    func triple(_ name: String, default value: Int) -> IntOrTriple {
        let values = self[name]?.integers ?? [value]
        return values.count == 3 ? IntOrTriple(values[0], values[1], values[2]) : IntOrTriple(values[0])
    }
}

/// A tensor of a fixture.
struct FixtureTensor: Decodable, Sendable {
    var name: String
    var kind: String?
    var shape: [Int]
    var values: [Double]

    var tensor: Tensor {
        kind == "integer"
            ? Tensor(values.map { Int64($0) }, shape: Shape(shape)) : Tensor(values, shape: Shape(shape))
    }
}

extension [FixtureTensor] {
    /// The tensors as constants by name.
    var constants: ParameterTree {
        ParameterTree(map { ($0.name, CrypTensor(constant: $0.tensor)) })
    }
}
