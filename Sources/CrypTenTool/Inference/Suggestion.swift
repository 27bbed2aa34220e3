import CrypTen
import CrypTenONNX
import Foundation

/// Options with which an inference is as exact as wanted, found by checked runs on sample inputs.
struct Suggestion: Encodable, Sendable {
    /// What one of the runs gave.
    struct Candidate: Encodable, Sendable {
        var fractionBits: Int
        /// Options beside it.
        var others: [String]
        var rounds: Int?
        /// Of the party that writes most.
        var onlineBytes: Int?
        var dealerBytes: Int?
        /// The largest error of an output, as a part of its largest true number.
        var error: Double?
        var headRoomBits: Double?
        /// Why it won't do; null where it does.
        var reason: String?
    }

    var candidates: [Candidate]
    /// Those of the cheapest run that is exact enough; null where none is.
    var fractionBits: Int?
    var wantedError: Double
    /// The options, to be pasted.
    var options: String?

    /// The fraction bits that are tried.
    private static let tried = stride(from: 8, through: 28, by: 2)

    /// Tries them; where none will do, with exponents of weights, then with ranges of inputs, and then with both.
    ///
    /// - Parameter progress: Told what is tried next.
    /// - Throws: what is wrong with the model or a file, whatever the options.
    static func trying(_ inference: CheckedInference, _ progress: (String) -> Void) async throws -> Suggestion {
        var inference = inference
        inference.inference.isQuiet = true
        inference.inference.outputDirectory = nil
        let given = (exponents: inference.inference.visibility.weightExponents, ranges: inference.inference.ranges)
        let wider = try inference.inference.observedRanges()
        var candidates: [Candidate] = []
        for (exponents, ranges) in [
            (given.exponents, given.ranges), (true, given.ranges), (given.exponents, wider), (true, wider),
        ] {
            inference.inference.visibility.weightExponents = exponents
            inference.inference.ranges = ranges
            let others = inference.inference.publishingOptions
            if candidates.contains(where: { $0.others == others }) { continue }
            for bits in tried {
                progress((["--fraction-bits \(bits)"] + others).joined(separator: " "))
                inference.fractionBits = bits
                do {
                    candidates.append(
                        Candidate(
                            try await inference.run(),
                            fractionBits: bits,
                            others: others,
                            wantedError: inference.wantedError
                        )
                    )
                } catch let error as CrypTenError where error.code == .outOfRange || error.code == .partyFailed {
                    // An input or a weight that so many bits leave no room for.
                    candidates.append(Candidate(fractionBits: bits, others: others, reason: error.message))
                }
            }
            if candidates.contains(where: { $0.reason == nil }) { break }
        }
        return Suggestion(candidates, wantedError: inference.wantedError)
    }

    init(_ candidates: [Candidate], wantedError: Double) {
        self.candidates = candidates
        self.wantedError = wantedError
        let good = candidates.filter { $0.reason == nil }
        func cost(_ candidate: Candidate) -> Int {
            (candidate.onlineBytes ?? 0) + (candidate.dealerBytes ?? 0)
        }
        // Of those that cost the same, or nearly, the one that leaves most on both sides: the inputs are samples.
        guard let least = good.map(cost).min() else { return }
        let cheap = good.filter { Double(cost($0)) <= Double(least) * 1.02 }
        let chosen = cheap[cheap.count / 2]
        fractionBits = chosen.fractionBits
        options = (["--fraction-bits \(chosen.fractionBits)"] + chosen.others).joined(separator: " ")
    }

    /// Why nothing is suggested.
    var problem: CrypTenError? {
        guard fractionBits == nil else { return nil }
        let nearest = candidates.min { ($0.error ?? .infinity) < ($1.error ?? .infinity) }
        return CrypTenError(
            .outOfRange,
            """
            no fraction bits from 8 to 28 are exact enough on these inputs; nearest are \(nearest?.fractionBits ?? 16): \
            \(nearest?.reason ?? "nothing was found")
            """
        )
    }

    var text: String {
        var table = TextTable([
            "fraction bits", "rounds", "online bytes", "dealer bytes", "error", "head room", "outputs",
        ])
        for candidate in candidates {
            table.add([
                "\(candidate.fractionBits)", candidate.rounds.map { "\($0)" } ?? "–",
                candidate.onlineBytes?.grouped ?? "–", candidate.dealerBytes?.grouped ?? "–",
                candidate.error?.significant(2) ?? "–", candidate.headRoomBits?.fixed(1) ?? "–",
                (candidate.reason == nil ? "right" : "wrong")
                    + (candidate.others.isEmpty ? "" : " with " + candidate.others.joined(separator: " ")),
            ])
        }
        let isPublic = options?.contains(" --") == true
        return table.text + (isPublic ? "\n\nranges and exponents become public:" : "")
            + (options.map { "\n\n\($0)" } ?? "")
    }
}

extension Suggestion.Candidate {
    fileprivate init(
        _ result: CheckedInference.Result,
        fractionBits: Int,
        others: [String],
        wantedError: Double
    ) {
        let check = result.check
        let error =
            check.violation == nil ? check.outputErrors.compactMap { $0?.part }.filter(\.isFinite).max() ?? 0 : nil
        self.init(
            fractionBits: fractionBits,
            others: others,
            rounds: result.cost.rounds,
            onlineBytes: result.cost.onlineBytes.max() ?? 0,
            dealerBytes: result.cost.dealerBytes,
            error: error,
            headRoomBits: check.layers.compactMap(\.headRoomBits).filter(\.isFinite).min(),
            reason: (check.violations + check.imprecisions).first?.message
                ?? error.flatMap {
                    $0 > wantedError ? "an output is off by \($0.significant(2)) of its largest number" : nil
                }
        )
    }
}

extension Inference {
    /// The options by which something of weights and inputs becomes public, as they stand on a command line.
    var publishingOptions: [String] {
        (visibility.weightExponents ? ["--weight-exponents"] : [])
            + ranges.map { "--range \($0.argument.quotedForShell)" }
    }

    /// Ranges of the secret real inputs: twice what they hold, up to a power of two, and from 0 where no number is negative.
    fileprivate func observedRanges() throws -> [NamedRange] {
        guard let part = model else { return ranges }
        let model = try loaded(part)
        var observed = ranges
        for input in try wholeInputs(of: model) where !ranges.contains(where: { $0.name == input.name }) {
            let (name, numbers) = (input.name, try input.files.flatMap { try $0.tensor(below: .infinity).doubles })
            guard let largest = numbers.lazy.map(\.magnitude).max(), largest > 0 else { continue }
            let limit = Double(sign: .plus, exponent: Int(largest.exponent) + 2, significand: 1)
            let isSigned = numbers.contains { $0 < 0 }
            observed.append(NamedRange(name: name, low: isSigned ? -limit : 0, high: limit))
        }
        return observed
    }
}

extension String {
    /// As one word of a shell's command line.
    var quotedForShell: String {
        let plain = Set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_./:=+-")
        if !isEmpty, allSatisfy(plain.contains) { return self }
        return "'" + replacing("'", with: "'\\''") + "'"
    }
}
