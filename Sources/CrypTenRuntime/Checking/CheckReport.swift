public import CrypTenBase
public import CrypTenExpressions
import CrypTenPlanning
public import CrypTenRing
import Foundation

/// What a checked run was found to be: for each value how far it is from the one in the clear, and how much room it has left.
public struct CheckReport: Sendable {
    /// One operation's value.
    ///
    /// What a plan fuses has no value of its own, so not every operation of an expression is here: a bias that is added to a
    /// product is, as their sum.
    public struct Value: Sendable, Hashable {
        /// The layer in whose scope it was made; nil outside of any.
        public var layer: String?
        /// What made it: "add", "maximum", "sigmoid".
        public var operation: String
        /// Where in the program that was written, where it is known.
        public var origin: String?
        /// Its extents.
        public var shape: Shape
        /// The largest magnitude in the secret run.
        public var largestMagnitude: Double
        /// Where that stands.
        public var largestIndex: [Int]
        /// The largest difference from the same expression in the clear, in double; 0 for bits.
        ///
        /// Where numbers are so near that a comparison may come out either way, the run's outcome counts as the true one.
        public var largestError: Double
        /// Where that stands.
        public var errorIndex: [Int]
        /// The bits between the largest magnitude and the limit of whoever reads the value, the narrowest; nil where nobody
        /// takes it for what it says, as in sums of sums.
        public var headRoomBits: Double?
        /// Who that is: "truncation", "comparison".
        public var reader: String?
    }

    /// What was found in a layer: of its values the largest magnitude and error, and the least head room.
    public struct Layer: Sendable, Hashable {
        /// The scope's name, `"other"` outside of any.
        public var name: String
        /// The largest magnitude of its values.
        public var largestMagnitude: Double
        /// The largest difference from the same value in the clear.
        public var largestError: Double
        /// The least of its values' head room; nil where no gate takes one of them for what it says.
        ///
        /// Counts also what is inside of functions, such as the levels of a maximum.
        public var headRoomBits: Double?
        /// Whether a value of it is further from the true one than wanted: a warning, as only outputs count.
        public var isImprecise = false
    }

    /// How far one of the expressions is from its true value.
    public struct OutputError: Sendable, Hashable {
        /// The largest difference from the true value.
        public var largestError: Double
        /// The largest true number.
        public var largestMagnitude: Double
        /// The first as a part of the second; 0 where all is exact.
        public var part: Double {
            largestError == 0 ? 0 : largestError / largestMagnitude
        }
    }

    /// The error that is wanted where nothing is said: this part of a value's largest number.
    public static let usualWantedError = 0x1p-8

    /// The values, in the order in which the expression computes them; up to the one that left the range.
    public var operations: [Value]
    /// The layers, in the same order.
    public var layers: [Layer]
    /// What `reveal` would have returned; nil at a party that isn't told, and where a value left the range.
    public var values: [Tensor]?
    /// How far each expression is from its true value; nil where it is public, or wasn't reached.
    public var outputErrors: [OutputError?] = []
    /// What is wrong: a number that has wrapped, after which nothing is known; or else all operations that began to yield other numbers
    /// than is documented of them, where an output is wrong for it.
    public var violations: [Finding] = []
    /// The outputs that are further from the true ones than wanted, though within what is documented: the encoding can't hold what
    /// they are made of.
    public var imprecisions: [Finding] = []
    /// The first violation, as `reveal` throws it; nil where there is none.
    public var violation: CrypTenError?

    init(_ run: CheckedRun, values: [Tensor]?, wanted: Double) {
        self.values = values
        let writer = run.writer
        violations = run.violations
        imprecisions = run.outcome.violation == nil ? writer.imprecisions(wanted: wanted) : []
        violation = run.problem
        let found = Dictionary(run.outcome.findings.map { ($0.entry, $0) }, uniquingKeysWith: { $1 })
        outputErrors = run.outcome.outputs.map { entry in
            found[entry].map { OutputError(largestError: $0.error, largestMagnitude: $0.largestTruth) }
        }
        operations = run.outcome.findings.map { finding in
            Value(
                layer: finding.layer,
                operation: finding.operation,
                origin: run.origins[finding.originNumber]?.description,
                shape: finding.shape,
                largestMagnitude: finding.largest,
                largestIndex: finding.shape.index(of: finding.largestPlace),
                largestError: finding.kind == .bit ? 0 : finding.error,
                errorIndex: finding.shape.index(of: finding.errorPlace),
                headRoomBits: finding.use?.headRoomBits,
                reader: finding.use?.reader
            )
        }
        layers = []
        var places: [String: Int] = [:]
        func add(_ name: String, _ magnitude: Double, _ error: Double, _ room: Double?, isImprecise: Bool = false) {
            let place = places[name] ?? layers.count
            if place == layers.count {
                places[name] = place
                layers.append(Layer(name: name, largestMagnitude: 0, largestError: 0, headRoomBits: nil))
            }
            layers[place].largestMagnitude = max(layers[place].largestMagnitude, magnitude)
            layers[place].largestError = max(layers[place].largestError, error)
            if isImprecise { layers[place].isImprecise = true }
            if let room { layers[place].headRoomBits = min(layers[place].headRoomBits ?? .infinity, room) }
        }
        for (value, finding) in zip(operations, run.outcome.findings) {
            add(
                value.layer ?? PlanCost.unnamedLayer,
                value.largestMagnitude,
                value.largestError,
                value.headRoomBits,
                isImprecise: writer.isAbove(finding, wanted)
            )
        }
        for (layer, use) in run.outcome.inner.sorted(by: { $0.key ?? "" < $1.key ?? "" }) {
            add(layer ?? PlanCost.unnamedLayer, 0, 0, use.headRoomBits)
        }
    }
}

extension Shape {
    /// The index of the element at a place of the row-major order.
    func index(of place: Int) -> [Int] {
        zip(dimensions, strides).map { extent, stride in extent == 0 ? 0 : place / stride % extent }
    }
}

extension CrypTenError {
    /// A value that left the range, as an error: what it is, where it stands, the limit, and the remedy.
    init(_ violation: RangeViolation, _ origins: [SourceOrigin?], fractionBits: Int) {
        let unit = violation.scale.map { Double(sign: .plus, exponent: -$0, significand: 1) }
        func text(_ number: Double) -> String {
            number == number.rounded() && abs(number) < 0x1p53
                ? String(format: "%.0f", number) : String(format: "%.12g", number)
        }
        func power(_ exponent: Int) -> String {
            "2^\(exponent)" + ((0..<53).contains(exponent) ? " = \(1 << exponent)" : "")
        }
        let origin = violation.originNumber.flatMap { $0 < origins.count ? origins[$0] : nil }
        let place = violation.shape.rank == 0 ? "" : " at \(violation.shape.index(of: violation.place))"
        let limit = power(violation.rule.exponent - (violation.scale ?? 0))
        let reader = violation.reader.shortened(to: 2 * CheckReport.widestName)
        let problem =
            switch violation.rule {
            case .ring: "outside ±\(limit), the ring's range, where \(reader) reads it"
            case .truncation: "outside ±\(limit), where \(reader) is right"
            case .difference: "further than \(limit) from what \(reader) compares it with"
            case .publicNumber: "met by a public number of \(limit) or more, which \(reader) can't take"
            }
        let format = violation.scale == 0 ? "whole numbers" : "\(fractionBits) fraction bits"
        let remedy =
            violation.scale == 0
            ? "use smaller numbers" : "use fewer fraction bits, declare ranges of what goes in (--range), or scale it"
        self.init(
            .outOfRange,
            """
            \((violation.layer ?? PlanCost.unnamedLayer).shortened(to: CheckReport.widestName)) / \(violation.operation)\(origin.map { " (\($0))" } ?? ""): \
            \(text(violation.number * (unit ?? 1)))\(unit == nil ? " in units of the ring" : "")\(place) is \(problem), with \
            \(format); \(remedy)
            """
        )
    }
}
