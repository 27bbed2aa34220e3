import CrypTenBase
import CrypTenRing
import Testing

@Suite("Kernels that the environment names")
struct KernelChoiceTests {
    @Test("each set that the machine has can be named; any other is an error that says what there is")
    func names() throws {
        let available = NativeKernels.available
        for set in NativeKernels.InstructionSet.allCases {
            let choose = { try NativeKernels.instructionSet(named: set.rawValue) }
            if available.contains(set) {
                #expect(try choose() == set)
            } else {
                expectError("CRYPTEN_KERNELS=\(set.rawValue): this machine doesn't have these instructions", choose)
            }
        }
        for name in ["", "AVX2", "sse", "avx2 ", "portable\n"] {
            expectError("CRYPTEN_KERNELS=\(name.debugDescription): there are no such kernels") {
                try NativeKernels.instructionSet(named: name)
            }
        }
    }

    private func expectError(_ start: String, _ choose: () throws -> NativeKernels.InstructionSet) {
        let error = #expect(throws: CrypTenError.self) { _ = try choose() }
        let choices = NativeKernels.available.map(\.rawValue).joined(separator: " or ")
        #expect(error?.code == .invalidArgument)
        #expect(error?.message == "\(start); choose \(choices), or unset it for the fastest")
    }

    @Test("an instruction set's own kernels are made whatever the environment says")
    func explicit() {
        for set in NativeKernels.available {
            #expect(NativeKernels(threads: 1, instructionSet: set).instructionSet == set)
        }
        #expect(NativeKernels(threads: 1).instructionSet == NativeKernels.preferred)
    }
}
