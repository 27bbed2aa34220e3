import CrypTenRing
private import Synchronization

/// Programs of logic that kernels have put together, each made and copied to the device once.
final class LogicPrograms: Sendable {
    /// A program on the device.
    struct Uploaded: Sendable {
        let code: DeviceWords
        let steps, registers: Int
        /// What its form speaks of: as long as it's known, nothing else has these identities.
        let parts: [BitProgram.Identity]
    }

    /// What names a program that a method makes of its arguments.
    struct Name: Hashable {
        var method: String
        var numbers: [Int]
    }

    private let uploaded = Mutex<[[Int]: Uploaded]>([:])
    private let named = Mutex<[Name: BitProgram]>([:])

    /// As many are kept; then all are forgotten. Plans are finite, and a session has few.
    private static let most = 1 << 11

    /// The program that a name stands for.
    func program(_ name: Name, _ make: () -> BitProgram) -> BitProgram {
        if let known = named.withLock({ $0[name] }) { return known }
        let program = make()
        named.withLock { named in
            if named.count >= Self.most { named = [:] }
            named[name] = program
        }
        return program
    }

    /// The program that a fusion is, on the device.
    func uploaded(_ fusion: LogicFusion, _ upload: ([UInt64]) throws -> DeviceWords) throws -> Uploaded {
        if let known = uploaded.withLock({ $0[fusion.form] }) { return known }
        let program = fusion.program()
        let made = Uploaded(
            code: try upload(Self.code(of: program, outputs: fusion.outputs.map { fusion.planes(ofPart: $0) })),
            steps: program.steps.count,
            registers: program.registers,
            parts: fusion.parts.map(\.promise.program.identity)
        )
        uploaded.withLock { uploaded in
            if uploaded.count >= Self.most { uploaded = [:] }
            uploaded[fusion.form] = made
        }
        return made
    }

    /// The steps as the kernel reads them, two numbers a word: a place is a register, or a plane of a block.
    private static func code(of program: BitProgram, outputs: [Int]) -> [UInt64] {
        var places = (0..<program.registers).map { UInt32($0) }
        for (block, planes) in (program.inputs + outputs).enumerated() {
            precondition(block < 1 << 15 && planes <= 1 << 16, "\(planes) planes in block \(block) of a program")
            places += (0..<planes).map { BooleanArguments.placeOfBlock | UInt32(block) << 16 | UInt32($0) }
        }
        let numbers = program.steps.flatMap { step in
            [step.operation.rawValue, places[step.out], places[step.a], places[step.b], places[step.c]]
        }
        return stride(from: 0, to: numbers.count, by: 2).map { index in
            UInt64(numbers[index]) | (index + 1 < numbers.count ? UInt64(numbers[index + 1]) << 32 : 0)
        }
    }
}
