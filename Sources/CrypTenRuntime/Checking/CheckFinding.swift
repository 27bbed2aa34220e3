import CrypTenBase
import CrypTenExpressions
import CrypTenPlanning
public import CrypTenRing
import Foundation

extension CheckReport {
    /// Something that a checked run was found to do wrong, or less exactly than wanted.
    public struct Finding: Sendable, Hashable {
        /// What kind of thing.
        public enum Kind: String, Sendable, Hashable, Codable {
            /// A number has left the ring or the range of the gate that reads it, and became another one.
            case wrapped
            /// Numbers are further from the true ones than is documented of the operation: they lie beyond the range of a function, or
            /// what they are made of has vanished.
            case deviates
            /// Numbers lie outside of the range that was declared of them, from which scales were chosen.
            case undeclared
            /// There is no true number: a quotient by 0, the root of a negative number.
            case undefined
            /// An output is within what is documented, and further from the true one than wanted.
            case imprecise
        }

        public var kind: Kind
        /// The layer, nil outside of any; its whole name.
        public var layer: String?
        /// What computed the numbers: "exp", "multiply".
        public var operation: String
        /// Where in the program that was written, where it is known.
        public var origin: String?
        /// The value's extents.
        public var shape: Shape
        /// How many of its numbers are concerned.
        public var count: Int
        /// Where the worst of them stands.
        public var index: [Int]
        /// That number in the secret run; nil where nothing is known of it.
        public var value: Double?
        /// What it should be.
        public var expected: Double?
        /// How far it may be from that; of a number that has wrapped, how large it may be.
        public var limit: Double?
        /// What happened, where, and what to do, in one sentence.
        public var message: String
    }
}

/// Makes sentences of what was found in a run.
struct FindingWriter {
    let findings: [EntryFinding]
    let origins: [SourceOrigin?]
    let fractionBits: Int
    private let places: [Int: Int]

    init(_ findings: [EntryFinding], origins: [SourceOrigin?], fractionBits: Int) {
        self.findings = findings
        self.origins = origins
        self.fractionBits = fractionBits
        places = Dictionary(findings.enumerated().map { ($0.element.entry, $0.offset) }, uniquingKeysWith: { $1 })
    }

    // MARK: What is wrong

    /// Of each output that is further from the true one than is documented: where that began.
    ///
    /// What deviates on the way and doesn't reach an output, as a number that is then not chosen, is none.
    func violations() -> [CheckReport.Finding] {
        var (found, seen) = (findings.compactMap(undeclared), Set<Int>())
        for output in findings where output.isOutput {
            if output.deviation != nil {
                for cause in causes(of: output, where: { $0.deviation != nil }) where seen.insert(cause.entry).inserted
                {
                    found.append(deviation(cause))
                }
            }
            if output.undefined.count > 0 {
                for cause in causes(of: output, where: { $0.undefined.count > 0 })
                where seen.insert(cause.entry).inserted {
                    found.append(undefined(cause))
                }
            }
        }
        return found
    }

    /// Each output that is within its bound, and further from the true one than wanted.
    func imprecisions(wanted: Double) -> [CheckReport.Finding] {
        findings.compactMap { output in
            guard output.isOutput, output.deviation == nil, isAbove(output, wanted) else { return nil }
            return imprecision(output, wanted)
        }
    }

    /// Whether a value's error is above the wanted one, which is a part of its largest true number; eight steps of the encoding, which
    /// functions are allowed, are always within, or one step where less is wanted than usually.
    func isAbove(_ finding: EntryFinding, _ wanted: Double) -> Bool {
        finding.kind != .bit && finding.error > allowed(finding, wanted)
    }

    private func allowed(_ finding: EntryFinding, _ wanted: Double) -> Double {
        let exponent = wanted < CheckReport.usualWantedError ? 0 : 3
        let steps = finding.kind == .real ? Double(sign: .plus, exponent: exponent - fractionBits, significand: 1) : 0.5
        return max(wanted * finding.largestTruth, steps)
    }

    /// The entries that a value is made of in which something began: they have it, and nothing that they are made of has.
    private func causes(of finding: EntryFinding, where has: (EntryFinding) -> Bool) -> [EntryFinding] {
        var (found, seen, pending) = ([EntryFinding](), Set<Int>(), [finding])
        while let next = pending.popLast() {
            guard seen.insert(next.entry).inserted else { continue }
            let earlier = next.operands.compactMap { places[$0].map { findings[$0] } }.filter(has)
            if earlier.isEmpty { found.append(next) } else { pending += earlier }
        }
        return found.sorted { $0.entry < $1.entry }
    }

    // MARK: Sentences

    private func deviation(_ finding: EntryFinding) -> CheckReport.Finding {
        guard let deviation = finding.deviation else { preconditionFailure("only what deviates is told so") }
        let operands = deviation.operands.map(FindingWriter.text).joined(separator: " and ")
        let of = operands.isEmpty ? "" : " of \(operands)"
        let remedy: String
        let end = Double(sign: .plus, exponent: 62 - 2 * fractionBits, significand: 1)
        let isLess = deviation.number.magnitude < deviation.truth.magnitude / 2 && deviation.truth.magnitude >= 1024
        if deviation.operands.contains(where: { $0 != 0 && $0.magnitude < step * 1024 }) {
            remedy = "it is too small for the operation: use more fraction bits, declare a range, or scale what goes in"
        } else if isLess || deviation.operands.contains(where: { $0.magnitude >= end }) {
            remedy = "it is too large for the operation: use fewer fraction bits, or scale what goes in"
        } else {
            remedy = "use more fraction bits, declare a range, or scale what goes in"
        }
        return made(
            .deviates,
            finding,
            count: deviation.count,
            place: deviation.place,
            value: deviation.number,
            expected: deviation.truth,
            limit: deviation.bound,
            """
            \(counted(deviation.count, finding)) further from the true one than \(finding.operation) may be: \
            \(FindingWriter.text(deviation.number))\(position(deviation.place, finding)) should be \
            \(FindingWriter.text(deviation.truth))\(of), within \(FindingWriter.text(deviation.bound)), with \(fractionBits) \
            fraction bits; \(remedy)
            """
        )
    }

    private func undeclared(_ finding: EntryFinding) -> CheckReport.Finding? {
        guard let outside = finding.outside else { return nil }
        return made(
            .undeclared,
            finding,
            count: outside.count,
            place: outside.place,
            expected: outside.number,
            limit: max(outside.low.magnitude, outside.high.magnitude),
            """
            \(outside.count) of \(finding.shape.count) numbers lie outside of the range \(FindingWriter.text(outside.low)) to \
            \(FindingWriter.text(outside.high)) that is declared of them, the first one \(FindingWriter.text(outside.number))\
            \(position(outside.place, finding)); declare a wider range
            """
        )
    }

    private func undefined(_ finding: EntryFinding) -> CheckReport.Finding {
        made(
            .undefined,
            finding,
            count: finding.undefined.count,
            place: finding.undefined.place,
            """
            \(finding.undefined.count) of \(finding.shape.count) numbers have no true value, the first one\
            \(position(finding.undefined.place, finding)): a quotient by 0, a logarithm or root of what isn't positive, or more than \
            a double holds; keep such numbers from the operation
            """
        )
    }

    private func imprecision(_ output: EntryFinding, _ wanted: Double) -> CheckReport.Finding {
        let allowed = allowed(output, wanted)
        var reasons: [String] = []
        for cause in causes(of: output, where: { $0.loss != nil }) where reasons.count < 3 {
            guard let loss = cause.loss else { continue }
            let vanished = loss.vanished > 0 ? ", \(loss.vanished) of them all of it" : ""
            reasons.append(
                """
                in \(title(cause)) \(loss.imprecise) of \(cause.shape.count) numbers lose more than 2^-8 of their size\(vanished), as \
                \(FindingWriter.text(loss.number))\(position(loss.place, cause))
                """
            )
        }
        // The bits that the error is above what is allowed, one more where it isn't a power of two times that; at most 64, were it infinite.
        let excess = max(output.error / allowed, 1)
        let more = min(excess.exponent + (excess.significand > 1 ? 1 : 0), 64)
        let room = findings.compactMap(\.use?.headRoomBits).min() ?? .infinity
        let bits = fractionBits + max(more, 1)
        // Inputs of products have 62 − 2f bits.
        let largest = findings.lazy.filter(\.isSource).map(\.largest).max() ?? 0
        let hasRoom =
            bits <= 28 && room > Double(2 * (bits - fractionBits))
            && largest < Double(sign: .plus, exponent: 62 - 2 * bits, significand: 1)
        let others = "declare ranges, give a model's weights exponents of their own (--weight-exponents)"
        let remedy =
            hasRoom
            ? "use \(bits) fraction bits or more, \(others)"
            : "more fraction bits leave no room here: \(others), or scale what goes in"
        return made(
            .imprecise,
            output,
            count: 1,
            place: output.errorPlace,
            limit: allowed,
            """
            the output is off by \(FindingWriter.text(output.error))\(position(output.errorPlace, output)), and \
            \(FindingWriter.text(allowed)) is wanted, with \(fractionBits) fraction bits\
            \(reasons.isEmpty ? "" : ": " + reasons.joined(separator: "; ")); \(remedy)
            """
        )
    }

    private func made(
        _ kind: CheckReport.Finding.Kind,
        _ finding: EntryFinding,
        count: Int,
        place: Int,
        value: Double? = nil,
        expected: Double? = nil,
        limit: Double? = nil,
        _ sentence: String
    ) -> CheckReport.Finding {
        CheckReport.Finding(
            kind: kind,
            layer: finding.layer,
            operation: finding.operation,
            origin: origin(finding)?.description,
            shape: finding.shape,
            count: count,
            index: finding.shape.index(of: place),
            value: value,
            expected: expected,
            limit: limit,
            message: "\(title(finding)): \(sentence)"
        )
    }

    private func title(_ finding: EntryFinding) -> String {
        let layer = (finding.layer ?? PlanCost.unnamedLayer).shortened(to: CheckReport.widestName)
        return "\(layer) / \(finding.operation)\(origin(finding).map { " (\($0))" } ?? "")"
    }

    private func origin(_ finding: EntryFinding) -> SourceOrigin? {
        origins.indices.contains(finding.originNumber) ? origins[finding.originNumber] : nil
    }

    private func counted(_ count: Int, _ finding: EntryFinding) -> String {
        finding.shape.count == 1
            ? "the number is" : "\(count) of \(finding.shape.count) numbers \(count == 1 ? "is" : "are")"
    }

    private func position(_ place: Int, _ finding: EntryFinding) -> String {
        finding.shape.rank == 0 ? "" : " at \(finding.shape.index(of: place))"
    }

    private var step: Double {
        Double(sign: .plus, exponent: -fractionBits, significand: 1)
    }

    static func text(_ number: Double) -> String {
        number == number.rounded() && abs(number) < 1e9
            ? String(format: "%.0f", number) : String(format: "%.6g", number)
    }
}

extension CheckReport {
    /// Longer names are shortened in sentences and tables.
    package static let widestName = 48
}

extension String {
    /// Without its middle where it is longer.
    package func shortened(to width: Int) -> String {
        if count <= width { return self }
        let kept = width - 1
        return prefix(kept - kept / 2) + "…" + suffix(kept / 2)
    }
}
