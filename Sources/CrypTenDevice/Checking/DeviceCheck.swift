import CrypTenBase
package import CrypTenRing

/// Holds a device to the processor: every method of `Kernels` on both, with equal operands, word by word.
///
/// A family of methods is a row. Operands follow from seeds: counts around the widths of groups and of words of bits, edges of words, parts of
/// tensors that begin anywhere. Nothing stays on the host, and products go both ways.
package struct DeviceCheck: Sendable {
    /// What came of a family.
    package struct Row: Codable, Sendable {
        package var name: String
        /// How many words were compared.
        package var words: Int
        /// How many of them differ.
        package var differing: Int
        /// The first result that differs, and where.
        package var difference: String?

        package init(name: String, words: Int, differing: Int, difference: String? = nil) {
            (self.name, self.words, self.differing, self.difference) = (name, words, differing, difference)
        }
    }

    /// How much is compared.
    package enum Extent: Sendable {
        /// Operands of which some fill a device.
        case whole
        /// Small ones, and fewer: for tests.
        case short
    }

    /// What is compared under one name.
    struct Family: Sendable {
        var name: String
        var residues = ResidueUse.never
        var body: @Sendable (inout DeviceComparison) throws -> Void
    }

    private let queue: any DeviceQueue
    private let extent: Extent
    private let processor: NativeKernels

    /// - Parameters:
    ///   - queue: The device's.
    ///   - extent: How much is compared.
    ///   - threads: The processor's.
    package init(_ queue: any DeviceQueue, extent: Extent, threads: Int) {
        self.queue = queue
        self.extent = extent
        processor = NativeKernels(threads: threads)
    }

    /// Compares one family after the other.
    ///
    /// - Parameters:
    ///   - starting: Is told of each family before it's compared.
    ///   - ended: Is told of each row.
    /// - Throws: `.deviceFailed` or `.notEnoughDeviceMemory`, with the family in which the device has failed: after that it computes nothing.
    package func run(starting: (String) -> Void = { _ in }, ended: (Row) -> Void) throws {
        for family in Self.families {
            starting(family.name)
            do {
                ended(try row(of: family))
            } catch let error as CrypTenError {
                throw CrypTenError(error.code, "\(family.name): \(error.message)", cause: error.cause)
            }
        }
    }

    private func row(of family: Family) throws -> Row {
        var settings = DeviceKernels.Settings.everything
        settings.residues = family.residues
        let kernels = DeviceKernels(queue: queue, settings: settings)
        var comparison = DeviceComparison(kernels, processor, isShort: extent == .short)
        try family.body(&comparison)
        try kernels.check()
        return Row(
            name: family.name,
            words: comparison.words,
            differing: comparison.differing,
            difference: comparison.difference
        )
    }

    static let families: [Family] =
        [
            Family(name: "copies to the device and back") { try $0.compareCopies() },
            Family(name: "words of the generator") { $0.compareExpansions() },
            Family(name: "sums and differences with the generator's") { $0.compareSumsOfExpansions() },
            Family(name: "sums, differences and products of elements") { $0.compareArithmetic() },
            Family(name: "shifts and low bits") { $0.compareShifts() },
            Family(name: "sines, harmonics and powers of two") { $0.compareFunctions() },
            Family(name: "views, parts and sums over axes") { $0.compareStructure() },
            Family(name: "planes of bits, and back") { $0.comparePlanes() },
            Family(name: "logic and its programs") { $0.compareLogic() },
            Family(name: "subset products and borrows") { $0.compareBorrows() },
            Family(name: "choices by bits, weights and truncations") { $0.compareChoices() },
            Family(name: "packing") { $0.comparePacking() },
        ] + productFamilies
}

/// Compares results, and remembers what differed.
struct DeviceComparison {
    let device: DeviceKernels
    let processor: NativeKernels
    let isShort: Bool
    private(set) var words = 0
    private(set) var differing = 0
    private(set) var difference: String?

    init(_ device: DeviceKernels, _ processor: NativeKernels, isShort: Bool) {
        (self.device, self.processor, self.isShort) = (device, processor, isShort)
    }

    /// Around the widths of vectors, words of bits, and groups.
    var counts: [Int] {
        isShort
            ? [1, 64, 65, 513]
            : [1, 2, 3, 31, 32, 33, 63, 64, 65, 127, 128, 129, 255, 256, 257, 511, 512, 513, 1000, 2049, 70_001]
    }

    /// Calls the device's kernels and the processor's, and compares what they return.
    mutating func equal(_ what: @autoclosure () -> String, _ call: (any Kernels) -> [UInt64]) {
        compare(call(device), with: call(processor), what())
    }

    mutating func compare(_ got: [UInt64], with expected: [UInt64], _ what: @autoclosure () -> String) {
        words += expected.count
        guard got != expected else { return }
        guard got.count == expected.count else {
            differing += expected.count
            difference = difference ?? "\(what()): \(got.count) words in place of \(expected.count)"
            return
        }
        let places = expected.indices.filter { got[$0] != expected[$0] }
        differing += places.count
        let first = places[0]
        difference =
            difference
            ?? "\(what()): \(places.count) of \(expected.count) words, word \(first) is \(hexadecimal(got[first])) in place of "
            + hexadecimal(expected[first])
    }

    private func hexadecimal(_ word: UInt64) -> String {
        "0x" + String(word, radix: 16)
    }
}

extension BitPlanes {
    /// The words of all planes, tails among them.
    var elements: [UInt64] {
        asWords.elements
    }
}
