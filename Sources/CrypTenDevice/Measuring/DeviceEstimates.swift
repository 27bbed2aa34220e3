/// What the design expects of a card: computed from datasheets and machine code, not measured.
///
/// Roofs of arithmetic that the kernels can't pass; where a figure isn't written down for a card, there is none.
package struct DeviceEstimates: Hashable, Sendable {
    /// Multiplications modulo 2^64 a second, word by word.
    package var ringProducts: Double
    /// The same by residues.
    package var residueProducts: Double
    /// Bytes of the generator's a second.
    package var expandedBytes: Double
    /// Bytes of memory a second, read and written.
    package var memoryBytes: Double?
    /// Seconds of a launch, and of a round: an upload, a kernel and a download.
    package var launch, round: Double?

    /// By the word that a driver's name of the card has.
    private static let cards: [String: DeviceEstimates] = {
        let hopper = DeviceEstimates(
            ringProducts: 4.7e12,
            residueProducts: 55e12,
            expandedBytes: 370e9,
            launch: 3.5e-6,
            round: 20e-6
        )
        var largest = hopper
        largest.memoryBytes = 4.3e12
        return [
            "H100": hopper, "H200": largest,
            "A100": DeviceEstimates(ringProducts: 2.9e12, residueProducts: 17e12, expandedBytes: 240e9),
            "4090": DeviceEstimates(ringProducts: 6.2e12, residueProducts: 18e12, expandedBytes: 500e9),
            "5090": DeviceEstimates(ringProducts: 7.9e12, residueProducts: 23e12, expandedBytes: 640e9),
            "L4": DeviceEstimates(ringProducts: 2.3e12, residueProducts: 6.7e12, expandedBytes: 185e9),
        ]
    }()

    /// Those of a card by its name; nil for one of which none are written down, and for parts and smaller relatives of one.
    package static func of(_ name: String) -> DeviceEstimates? {
        let words = name.split { !$0.isLetter && !$0.isNumber }.map(String.init)
        guard !words.contains(where: ["MIG", "Laptop", "D"].contains) else { return nil }
        return words.lazy.compactMap { cards[$0] }.first
    }
}
