import CrypTenRing

/// Planes of bits that a program of logic makes when somebody reads them: together with what it reads and isn't made yet, as one program.
final class LogicPromise: DevicePromise {
    let kernels: DeviceKernels
    let program: BitProgram
    /// A uniform program is one operation on all words of its operands, whichever planes they are: it has one plane of each.
    let isUniform: Bool
    /// How many planes of `step` words its result has.
    let planes: Int
    /// What it reads, block by block.
    let operands: PromisedOperands
    /// How far planes lie apart, in words.
    let step: Int
    /// Elements of a plane, where bits behind the last one must be cleared; 0 where there are none.
    let tailedCount: Int

    /// `operands` are the program's blocks, of planes of as many elements; `uniformOn` is, for one operation on all planes alike, how many there
    /// are, else nil.
    init(
        _ program: BitProgram,
        on operands: [BitPlanes],
        uniformOn planes: Int? = nil,
        _ kernels: DeviceKernels
    ) {
        self.kernels = kernels
        self.program = program
        self.operands = PromisedOperands(operands.map { StorageView($0) })
        isUniform = planes != nil
        self.planes = planes ?? program.outputs
        step = operands[0].wordsPerPlane
        tailedCount = operands[0].count % 64 == 0 ? 0 : operands[0].count
    }

    var count: Int {
        planes * step
    }

    func write(to place: DeviceAddress, _ call: DeviceCall) throws {
        try call.compute(self, to: place)
    }
}
