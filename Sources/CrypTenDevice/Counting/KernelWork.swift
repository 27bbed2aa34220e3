import CrypTenRing

/// What one call of a kernel does, as far as its time follows from it: read off what the kernel is told.
///
/// Nothing of it depends on an element. Whole groups are counted where a kernel computes them whole, whatever is left of them at the edge.
package struct KernelWork: Hashable, Sendable {
    /// Bytes of memory that are read and written: of products each factor once, and the sum; of programs of logic each plane once, and all
    /// that has no room in registers.
    package var bytes = 0
    /// How often it does what the kernel does: see `KernelName.unit`.
    package var amount = 0
    /// How much of that one work-item does, one after the other; 0 where that is little.
    package var depth = 0
    /// Sines and powers of two, beside the steps of which they are part.
    package var sines = 0
    /// Multiplications modulo 2^64, word by word or by residues, without those at the edge of a tile; of residues, channels are padded to 16.
    package var multiplications = 0

    package init(bytes: Int = 0, amount: Int = 0, depth: Int = 0, sines: Int = 0, multiplications: Int = 0) {
        (self.bytes, self.amount, self.depth) = (bytes, amount, depth)
        (self.sines, self.multiplications) = (sines, multiplications)
    }

    /// - Parameters:
    ///   - kernel: Which it is.
    ///   - groups: In how many groups it runs.
    ///   - arguments: The struct that it is told.
    ///   - traffic: Of a program of logic at an address: what it reads and writes.
    init(
        _ kernel: KernelName,
        groups: DeviceGroups,
        arguments: UnsafeRawBufferPointer,
        traffic: (DeviceAddress, _ steps: Int) -> LogicTraffic
    ) {
        func told<Arguments>(_: Arguments.Type) -> Arguments { arguments.loadUnaligned(as: Arguments.self) }
        switch kernel {
        case .fill: self.init(moving: Int(told(FillArguments.self).count), read: 0)
        case .elementwise: self.init(elementwise: arguments)
        case .expand: self.init(expand: arguments, groups)
        case .tails: self.init(moving: Int(told(TailsArguments.self).planes), read: 1)
        case .truncate:
            let count = Int(told(TruncateArguments.self).count)
            self.init(bytes: 16 * count + count / 8, amount: count)
        case .pack, .unpack:
            let p = told(PackArguments.self)
            self.init(bytes: 8 * Int(p.count) + Self.packed(p.count, p.bits), amount: Int(p.count))
        case .addUnpacked:
            let p = told(AddUnpackedArguments.self)
            let count = Int(p.count)
            self.init(bytes: 16 * count + count / 8 + Self.packed(p.count, p.bits), amount: count)
        case .planesOf, .wordsOf:
            let p = told(PlanesArguments.self)
            self.init(bytes: 8 * Int(p.count) + 8 * Int(p.planes) * Int(p.step), amount: Int(p.count))
        case .booleanProgram: self.init(logic: arguments, traffic)
        case .weights:
            let p = told(WeightsArguments.self)
            let bits = Int(p.count) * Int(p.planes)
            self.init(bytes: 8 * Int(p.count) + bits / 8, amount: bits)
        case .copy:
            let p = told(CopyArguments.self)
            self.init(moving: Int(p.count), read: p.combination == Combination.store.rawValue ? 1 : 2)
        case .take:
            let p = told(TakeArguments.self)
            self.init(moving: Int(p.outer) * Int(p.count) * Int(p.inner), read: 1)
        case .sum:
            let p = told(SumArguments.self)
            let (count, terms, width) = (Int(p.count), Int(p.terms), max(1, Int(p.width)))
            self.init(bytes: 8 * count * (terms + 1), amount: count * terms, depth: (terms + width - 1) / width)
        case .patches: self.init(moving: Int(told(PatchesArguments.self).count), read: 1)
        case .ringProduct: self.init(told(ProductArguments.self), groups)
        case .planeProduct: self.init(told(PlaneProductArguments.self))
        case .residues: self.init(told(ResiduesArguments.self), groups)
        case .residueProduct: self.init(told(ResidueProductArguments.self), groups)
        case .reconstruct: self.init(told(ReconstructArguments.self))
        }
    }

    /// Words that are written, each after so many were read.
    private init(moving words: Int, read: Int) {
        self.init(bytes: 8 * words * (1 + read), amount: words)
    }

    private static func packed(_ count: UInt64, _ bits: UInt32) -> Int {
        (Int(count) * Int(bits) + 7) / 8
    }

    private init(elementwise arguments: UnsafeRawBufferPointer) {
        let count = Int(arguments.loadUnaligned(fromByteOffset: ElementwiseArguments.count, as: UInt64.self))
        let steps = Int(arguments.loadUnaligned(fromByteOffset: ElementwiseArguments.stepCount, as: UInt32.self))
        // Blocks by their number, a bit each.
        var (words, bits, written): (UInt64, UInt64, UInt64) = (0, 0, 0)
        var sines = 0
        for index in 0..<steps {
            let place = index * MemoryLayout<ElementwiseStep>.stride
            let step = arguments.loadUnaligned(fromByteOffset: place, as: ElementwiseStep.self)
            func block(_ places: UInt32, _ number: Int) -> UInt64 {
                let place = UInt8(truncatingIfNeeded: places >> (8 * number))
                guard place != ElementwiseArguments.noPlace, place >= ElementwiseArguments.firstBlock else { return 0 }
                return 1 << UInt64(place - ElementwiseArguments.firstBlock)
            }
            let read = block(step.places, 1) | block(step.places, 2) | block(step.places, 3)
            words |= (read | block(step.more, 0) | block(step.more, 1)) & ~written
            bits |= block(step.more, 2)
            written |= block(step.places, 0)
            switch ElementwiseOperation(rawValue: step.operation) {
            case .sine, .powerOfTwo: sines += count
            case .harmonic: sines += 2 * count
            default: break
            }
        }
        let moved = words.nonzeroBitCount + written.nonzeroBitCount
        self.init(
            bytes: 8 * count * moved + count / 8 * bits.nonzeroBitCount,
            amount: steps * count,
            sines: sines
        )
    }

    private init(expand arguments: UnsafeRawBufferPointer, _ groups: DeviceGroups) {
        let parts = Int(arguments.loadUnaligned(fromByteOffset: ExpandArguments.count, as: UInt32.self))
        var bytes = 0
        for index in 0..<parts {
            let place = index * MemoryLayout<ExpandPart>.stride
            let part = arguments.loadUnaligned(fromByteOffset: place, as: ExpandPart.self)
            bytes += Int(part.count) * (part.combination == Combination.store.rawValue ? 8 : 16)
        }
        self.init(bytes: bytes, amount: groups.x * ExpandArguments.wordsOfGroup)
    }

    private init(
        logic arguments: UnsafeRawBufferPointer,
        _ traffic: (DeviceAddress, _ steps: Int) -> LogicTraffic
    ) {
        let p = arguments.loadUnaligned(as: BooleanArguments.self)
        let steps = Int(arguments.loadUnaligned(fromByteOffset: BooleanArguments.steps, as: UInt32.self))
        self.init(
            bytes: 8 * Int(p.count) * traffic(p.program, steps).words,
            amount: steps * Int(p.count),
            depth: steps
        )
    }
}

/// What a program of logic reads and writes for each word of a plane.
struct LogicTraffic {
    var words: Int

    /// What is known of a program that nobody has seen.
    static let unknown = LogicTraffic(words: 0)

    init(words: Int) {
        self.words = words
    }

    /// - Parameter code: Five numbers for each step: see `boolean_args` in arguments.h.
    init(code: [UInt32], steps: Int) {
        var planes: Set<UInt32> = []
        var scratch = 0
        var numbers = code.makeIterator()
        for _ in 0..<steps {
            guard let operation = numbers.next().flatMap(BitProgram.Operation.init(rawValue:)),
                let out = numbers.next(), let a = numbers.next(), let b = numbers.next(), let c = numbers.next()
            else { break }
            let operands: [UInt32] =
                switch operation {
                case .and, .xor: [a, b]
                case .xorAnd: [a, b, c]
                case .not, .copy: [a]
                case .clear: []
                }
            for place in [out] + operands {
                if place >= BooleanArguments.placeOfBlock {
                    planes.insert(place)
                } else if place >= BooleanArguments.localRegisters {
                    scratch += 1
                }
            }
        }
        words = planes.count + scratch
    }
}
