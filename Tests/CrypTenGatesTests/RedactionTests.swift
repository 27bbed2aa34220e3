import CrypTenGates
import CrypTenPlanning
import CrypTenRing
import Foundation
import Testing
import _CrypTenTestSupport

/// What the dealer gets of a gate has no number that it doesn't need: no threshold, no coefficient, no place.
///
/// A gate is taken apart into its fields, as it is stored and sent. Every number in it is either one of those that the
/// dealer must have, by name, or is left out: then two gates that differ in it are one to the dealer.
@Suite("What the dealer gets of a plan")
struct RedactionTests {
    /// A gate's fields, by their names and places.
    indirect enum Field: Codable, Hashable {
        case flag(Bool)
        case number(UInt64)
        case negative(Int64)
        case text(String)
        case list([Field])
        case fields([String: Field])
        case nothing

        init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            if container.decodeNil() {
                self = .nothing
            } else if let value = try? container.decode(Bool.self) {
                self = .flag(value)
            } else if let value = try? container.decode(UInt64.self) {
                self = .number(value)
            } else if let value = try? container.decode(Int64.self) {
                self = .negative(value)
            } else if let value = try? container.decode(String.self) {
                self = .text(value)
            } else if let value = try? container.decode([Field].self) {
                self = .list(value)
            } else {
                self = .fields(try container.decode([String: Field].self))
            }
        }

        func encode(to encoder: any Encoder) throws {
            var container = encoder.singleValueContainer()
            switch self {
            case .flag(let value): try container.encode(value)
            case .number(let value): try container.encode(value)
            case .negative(let value): try container.encode(value)
            case .text(let value): try container.encode(value)
            case .list(let value): try container.encode(value)
            case .fields(let value): try container.encode(value)
            case .nothing: try container.encodeNil()
            }
        }

        /// The paths of all numbers, places in lists left out.
        func paths(_ prefix: [String] = []) -> Set<String> {
            switch self {
            case .number, .negative: [prefix.joined(separator: ".")]
            case .list(let fields): fields.reduce(into: []) { $0.formUnion($1.paths(prefix)) }
            case .fields(let fields): fields.reduce(into: []) { $0.formUnion($1.value.paths(prefix + [$1.key])) }
            case .flag, .text, .nothing: []
            }
        }

        /// The same with the numbers of one path changed, or taken from another gate of the same fields.
        func changing(_ path: String, _ prefix: [String] = [], change: (Field) -> Field) -> Field {
            switch self {
            case .number, .negative: prefix.joined(separator: ".") == path ? change(self) : self
            case .list(let fields): .list(fields.map { $0.changing(path, prefix, change: change) })
            case .fields(let fields):
                .fields(
                    Dictionary(
                        uniqueKeysWithValues: fields.map { ($0, $1.changing(path, prefix + [$0], change: change)) }
                    )
                )
            case .flag, .text, .nothing: self
            }
        }

        /// The numbers of one path, in order.
        func numbers(_ path: String, _ prefix: [String] = []) -> [Field] {
            switch self {
            case .number, .negative: prefix.joined(separator: ".") == path ? [self] : []
            case .list(let fields): fields.flatMap { $0.numbers(path, prefix) }
            case .fields(let fields):
                fields.sorted { $0.key < $1.key }.flatMap { $1.numbers(path, prefix + [$0]) }
            case .flag, .text, .nothing: []
            }
        }
    }

    /// A gate whose numbers are looked at.
    struct Subject: Sendable, CustomTestStringConvertible {
        let name: String
        let gate: PlanGate
        var testDescription: String { name }
    }

    /// Of each kind all forms of the transcripts, and moves that read places.
    static func subjects(_ kind: GateKind) throws -> [Subject] {
        let simulator = GateSimulator(parties: 2)
        let vector = [UInt64](repeating: 0, count: 64)
        var subjects = try kind.subjects.compactMap { subject in
            try subject.make(simulator, vector).plan.map { Subject(name: subject.name, gate: $0) }
        }
        if kind == .linear {
            let take = LinearOperation.take(axis: 0, indices: [3, 0, 1])
            subjects.append(
                Subject(name: "take of a share", gate: .linear(LinearGate(take, form: .share, shapes: [[64]])))
            )
        }
        return subjects
    }

    /// What is left out of each kind. All other numbers are those of `needed`.
    static func leftOut(_ kind: GateKind, _ subject: Subject) -> Set<String> {
        switch kind {
        case .linear:
            guard case .linear(let gate) = subject.gate, gate.form == .share else { return [] }
            return switch gate.operation {
            case .combine: ["operation.combine.factors"]
            case .take: ["operation.take.indices"]
            default: []
            }
        case .sign: return ["thresholds"]
        case .revealedSign: return ["threshold"]
        case .step: return ["outputs.constant", "outputs.factors"]
        case .stepProduct:
            return ["steps.constant", "steps.factors", "products.constant", "products.factors"]
        case .polynomial: return ["coefficients"]
        case .trigonometric: return ["constant", "cosines", "sines"]
        case .exponential: return ["offset"]
        case .maximum: return ["payload.constants._0"]
        case .input, .mask, .unmask, .addPlain, .plainProduct, .gather, .promote, .bilinear, .absorbed, .truncate,
            .quotient, .truncateInPlace, .truncatedProduct, .magnitude, .truncatedReLU, .isZero, .bitToArithmetic,
            .select,
            .boolean,
            .linearBits, .random, .drawnBits, .permutation, .reshare, .reveal, .revealBits:
            return []
        }
    }

    /// What the dealer can't do without: shapes, counts of bits, who owns and who learns; and of functions on masks that it
    /// computes itself, the factors and places.
    static let needed: Set<String> = [
        "shape", "shapes", "owner", "party", "receiver", "axis", "table", "indices", "left", "right", "addends",
        "shift",
        "outputShift", "form.shift", "bits", "planes", "inputs", "operands", "octaves", "entries", "tableBits",
        "factorBits", "divisor", "positions",
    ]

    private static func fields(_ gate: PlanGate) throws -> (name: String, fields: Field) {
        let all = try JSONDecoder().decode(Field.self, from: try JSONEncoder().encode(gate))
        guard case .fields(let cases) = all, case .fields(let value)? = cases.first?.value, let inner = value["_0"]
        else {
            throw SimulationError("a gate is stored under its name")
        }
        return (cases.first!.key, inner)
    }

    private static func gate(_ name: String, _ fields: Field) throws -> PlanGate {
        let whole = Field.fields([name: .fields(["_0": fields])])
        return try JSONDecoder().decode(PlanGate.self, from: try JSONEncoder().encode(whole))
    }

    /// Another number of the same field.
    private static func another(_ field: Field) -> Field {
        if case .number(let value) = field { return .number(value == .max || value > 1 << 40 ? value - 1 : value + 1) }
        if case .negative(let value) = field { return .negative(value - 1) }
        return field
    }

    /// Where the dealer could tell two gates apart that differ in what it doesn't need.
    private static func leaks(
        _ kind: GateKind,
        _ subject: Subject,
        redacting redact: (PlanGate) throws -> PlanGate = { $0.redacted }
    ) throws -> Set<String> {
        let (name, fields) = try fields(subject.gate)
        return try leftOut(kind, subject).filter { path in
            guard !fields.numbers(path).isEmpty else { return false }
            let other = try gate(name, fields.changing(path, change: another))
            try other.gate.check()
            guard other != subject.gate else { throw SimulationError("\(path) isn't a field of \(subject.name)") }
            return try redact(other) != redact(subject.gate)
        }
    }

    @Test("has every number left out that it doesn't need, of every gate", arguments: GateKind.allCases)
    func redacted(kind: GateKind) throws {
        for subject in try Self.subjects(kind) {
            #expect(try Self.leaks(kind, subject).isEmpty, "\(subject.name)")
            let fields = try Self.fields(subject.gate).fields
            let leftOut = Self.leftOut(kind, subject)
            // A number that nobody has thought of is neither.
            let unknown = fields.paths().filter { path in
                !leftOut.contains(path) && !Self.needed.contains(path)
                    && !Self.needed.contains(String(path.split(separator: ".").last ?? ""))
                    && !path.hasPrefix("operation.") && !path.hasPrefix("product.") && !path.hasPrefix("products.")
                    && !path.hasPrefix("outputs.products") && !path.hasPrefix("distribution.")
            }
            #expect(unknown.isEmpty, "\(subject.name): \(unknown.sorted())")
            #expect(
                subject.gate.redacted.gate.cost(parties: 3, slabs: .usual)
                    == subject.gate.gate.cost(parties: 3, slabs: .usual)
            )
        }
    }

    /// Kinds that have something to leave out.
    static let redactedKinds: [GateKind] = [
        .linear, .sign, .step, .stepProduct, .polynomial, .trigonometric, .exponential, .maximum,
    ]

    @Test(
        "shows in this test where a gate of one kind is sent as it is, or with one number left in",
        arguments: redactedKinds
    )
    func mutants(kind: GateKind) throws {
        var seen: Set<String> = []
        for subject in try Self.subjects(kind) {
            let (name, fields) = try Self.fields(subject.gate)
            let paths = Self.leftOut(kind, subject).filter { !fields.numbers($0).isEmpty }
            #expect(try Self.leaks(kind, subject, redacting: { $0 }) == paths, "\(subject.name)")
            for path in paths {
                // All but this one: the redacted gate with the numbers of the real one put back.
                let found = try Self.leaks(kind, subject) { gate in
                    var numbers = try Self.fields(gate).fields.numbers(path)
                    let redacted = try Self.fields(gate.redacted).fields
                    return try Self.gate(name, redacted.changing(path) { _ in numbers.removeFirst() })
                }
                #expect(found == [path], "\(subject.name)")
                seen.insert(path)
            }
        }
        #expect(!seen.isEmpty)
        print(
            "mutant: \(kind.rawValue) sent as it is, or with \(seen.sorted().joined(separator: " or ")): caught by RedactionTests"
        )
    }

    @Test("is one plan, whatever the numbers, where gates of every kind are in it")
    func plans() throws {
        func plan(changed: Bool, keeping kept: GateKind? = nil) throws -> Data {
            let gates = try GateKind.allCases.flatMap { kind in
                try Self.subjects(kind).map { subject in
                    guard changed else { return subject.gate }
                    let (name, fields) = try Self.fields(subject.gate)
                    return try Self.gate(
                        name,
                        Self.leftOut(kind, subject).reduce(fields) { $0.changing($1, change: Self.another) }
                    )
                }
            }
            let steps = gates.map { PlanStep(gate: $0, inputs: [], outputs: [], layer: nil) }
            let plan = Plan(
                parties: 2,
                fractionBits: 16,
                slabBits: 15,
                slots: 0,
                bindings: [],
                steps: steps,
                outputs: []
            )
            var redacted = plan.redacted
            for (index, step) in plan.steps.enumerated() where GateKind(step.gate) == kept {
                redacted.steps[index].gate = step.gate
            }
            let encoder = JSONEncoder()
            encoder.outputFormatting = .sortedKeys
            return try encoder.encode(redacted)
        }
        #expect(try plan(changed: false) == plan(changed: true))
        for kind in Self.redactedKinds {
            #expect(try plan(changed: false, keeping: kind) != plan(changed: true, keeping: kind), "\(kind)")
        }
    }
}
