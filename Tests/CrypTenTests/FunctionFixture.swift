import CrypTenExpressions
import CrypTenRing
import Foundation

/// What a file says of one argument.
enum FixtureValue: Decodable, Sendable {
    case null
    case flag(Bool)
    case number(Double)
    case text(String)
    case list([FixtureValue])
    case fields([String: FixtureValue])

    init(from decoder: any Decoder) throws {
        let value = try decoder.singleValueContainer()
        if value.decodeNil() {
            self = .null
        } else if let flag = try? value.decode(Bool.self) {
            self = .flag(flag)
        } else if let number = try? value.decode(Double.self) {
            self = .number(number)
        } else if let text = try? value.decode(String.self) {
            self = .text(text)
        } else if let list = try? value.decode([FixtureValue].self) {
            self = .list(list)
        } else {
            self = .fields(try value.decode([String: FixtureValue].self))
        }
    }
}

/// What is wrong with a file's case.
struct FixtureError: Error, CustomStringConvertible {
    var description: String
}

/// The arguments of one call, by their labels in a file: `arguments("axis")` is one of the type that the call takes.
final class Arguments {
    private let values: [String: FixtureValue]
    private let tensors: [String: CrypTensor]
    /// What nobody has asked for: of a call that is complete, nothing.
    private(set) var unread: Set<String>

    init(_ values: [String: FixtureValue], tensors: [String: CrypTensor] = [:]) {
        (self.values, self.tensors) = (values, tensors)
        unread = Set(values.keys).union(tensors.keys)
    }

    func has(_ name: String) -> Bool {
        values[name] != nil || tensors[name] != nil
    }

    /// Whether it is a tensor whose gradient is asked for.
    func isInput(_ name: String) -> Bool {
        tensors[name] != nil
    }

    /// An argument that may be missing.
    func callAsFunction<Argument: FixtureArgument>(ifGiven name: String) throws -> Argument? {
        unread.remove(name)
        guard let value = values[name] else { return nil }
        guard let argument = Argument.reading(value) else {
            throw FixtureError(description: "\(name) is \(value), which is no \(Argument.self)")
        }
        return argument
    }

    func callAsFunction<Argument: FixtureArgument>(_ name: String, else other: Argument) throws -> Argument {
        try self(ifGiven: name) ?? other
    }

    func callAsFunction<Argument: FixtureArgument>(_ name: String) throws -> Argument {
        guard let argument: Argument = try self(ifGiven: name) else { throw FixtureError(description: "no \(name)") }
        return argument
    }

    /// A tensor that is given as an input, or else as a constant.
    func callAsFunction(ifGiven name: String) throws -> CrypTensor? {
        if let tensor = tensors[name] {
            unread.remove(name)
            return tensor
        }
        let constant: Tensor? = try self(ifGiven: name)
        return constant.map { CrypTensor(constant: $0) }
    }

    func callAsFunction(_ name: String) throws -> CrypTensor {
        guard let tensor: CrypTensor = try self(ifGiven: name) else { throw FixtureError(description: "no \(name)") }
        return tensor
    }

    /// The inputs `name.0`, `name.1`, ….
    func list(_ name: String) -> [CrypTensor] {
        var list: [CrypTensor] = []
        while let tensor = tensors["\(name).\(list.count)"] {
            unread.remove("\(name).\(list.count)")
            list.append(tensor)
        }
        return list
    }
}

/// A type of arguments.
protocol FixtureArgument {
    /// Nil where a value isn't of this type.
    static func reading(_ value: FixtureValue) -> Self?
}

extension Bool: FixtureArgument {
    static func reading(_ value: FixtureValue) -> Bool? {
        if case .flag(let flag) = value { flag } else { nil }
    }
}

extension Double: FixtureArgument {
    static func reading(_ value: FixtureValue) -> Double? {
        switch value {
        case .number(let number): number
        case .text("infinity"): .infinity
        default: nil
        }
    }
}

extension Int: FixtureArgument {
    static func reading(_ value: FixtureValue) -> Int? {
        Double.reading(value).flatMap { Int(exactly: $0) }
    }
}

extension Int64: FixtureArgument {
    static func reading(_ value: FixtureValue) -> Int64? {
        Double.reading(value).flatMap { Int64(exactly: $0) }
    }
}

extension String: FixtureArgument {
    static func reading(_ value: FixtureValue) -> String? {
        if case .text(let text) = value { text } else { nil }
    }
}

extension Array: FixtureArgument where Element: FixtureArgument {
    static func reading(_ value: FixtureValue) -> [Element]? {
        guard case .list(let values) = value else { return nil }
        let elements = values.compactMap(Element.reading)
        return elements.count == values.count ? elements : nil
    }
}

extension ClosedRange: FixtureArgument where Bound == Double {
    static func reading(_ value: FixtureValue) -> ClosedRange<Double>? {
        guard let bounds = [Double].reading(value), bounds.count == 2, bounds[0] <= bounds[1] else { return nil }
        return bounds[0]...bounds[1]
    }
}

extension Shape: FixtureArgument {
    static func reading(_ value: FixtureValue) -> Shape? {
        [Int].reading(value).map { Shape($0) }
    }
}

extension Tensor: FixtureArgument {
    static func reading(_ value: FixtureValue) -> Tensor? {
        guard case .fields(let fields) = value, let shape = fields["shape"].flatMap(Shape.reading),
            let numbers = fields["values"].flatMap([Double].reading), numbers.count == shape.count,
            let kind = fields["kind"].flatMap(String.reading)
        else { return nil }
        switch kind {
        case "real": return Tensor(numbers, shape: shape)
        case "integer": return fields["values"].flatMap([Int64].reading).map { Tensor($0, shape: shape) }
        case "bit": return Tensor(.bool(numbers.map { $0 != 0 }), shape: shape)
        default: return nil
        }
    }
}

extension IntOrPair: FixtureArgument {
    static func reading(_ value: FixtureValue) -> IntOrPair? {
        guard let sizes = [Int].reading(value), sizes.count == 2 else { return nil }
        return IntOrPair(sizes[0], sizes[1])
    }
}

extension IntOrTriple: FixtureArgument {
    static func reading(_ value: FixtureValue) -> IntOrTriple? {
        guard let sizes = [Int].reading(value), sizes.count == 3 else { return nil }
        return IntOrTriple(sizes[0], sizes[1], sizes[2])
    }
}

extension Padding: FixtureArgument {
    static func reading(_ value: FixtureValue) -> Padding? {
        guard let sizes = [Int].reading(value), sizes.count == 4 else { return nil }
        return Padding(top: sizes[0], left: sizes[1], bottom: sizes[2], right: sizes[3])
    }
}

extension LossReduction: FixtureArgument {
    static func reading(_ value: FixtureValue) -> LossReduction? {
        String.reading(value).flatMap { LossReduction(rawValue: $0) }
    }
}

extension CrypTensor.ScatterReduction: FixtureArgument {
    static func reading(_ value: FixtureValue) -> CrypTensor.ScatterReduction? {
        String.reading(value).flatMap { CrypTensor.ScatterReduction(rawValue: $0) }
    }
}

extension TensorIndex: FixtureArgument {
    static func reading(_ value: FixtureValue) -> TensorIndex? {
        switch value {
        case .text("ellipsis"): return .ellipsis
        case .text("newAxis"): return .newAxis
        case .fields(let fields):
            if let position = fields["position"] { return Int.reading(position).map { .position($0) } }
            return .range(
                start: fields["start"].flatMap(Int.reading),
                end: fields["end"].flatMap(Int.reading),
                step: fields["step"].flatMap(Int.reading) ?? 1
            )
        default: return nil
        }
    }
}
