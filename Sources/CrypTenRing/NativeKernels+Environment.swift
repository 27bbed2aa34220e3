package import CrypTenBase

#if canImport(Glibc)
private import Glibc
#elseif canImport(Darwin)
private import Darwin
#elseif canImport(Musl)
private import Musl
#endif

extension NativeKernels {
    /// The environment's variable that names the instruction set of all kernels that aren't asked for another, so that every set that
    /// a machine has can be tested on it. Unset or empty, it's the best one.
    package static let variable = "CRYPTEN_KERNELS"

    /// What the environment named when it was first asked.
    private static let named = Result { () throws(CrypTenError) -> InstructionSet? in
        guard let value = getenv(variable), value[0] != 0 else { return nil }
        return try instructionSet(named: String(cString: value))
    }

    /// - Throws: `.invalidArgument` where the environment names a set that this machine, or everyone, doesn't have. Whoever starts
    ///   something calls this first; kernels that are made nevertheless use the best set.
    package static func checkEnvironment() throws(CrypTenError) {
        _ = try named.get()
    }

    /// The set that the environment names, or else the best.
    package static var preferred: InstructionSet {
        let named = try? named.get()
        return named ?? available[0]
    }

    /// The instruction set of a name, which this machine must have.
    ///
    /// - Throws: `.invalidArgument` that says what there is.
    package static func instructionSet(named name: String) throws(CrypTenError) -> InstructionSet {
        if let set = InstructionSet(rawValue: name), available.contains(set) { return set }
        let known = InstructionSet(rawValue: name) != nil
        throw CrypTenError(
            .invalidArgument,
            "\(variable)=\(known ? name : name.prefix(40).debugDescription): "
                + (known ? "this machine doesn't have these instructions" : "there are no such kernels")
                + "; choose \(available.map(\.rawValue).joined(separator: " or ")), or unset it for the fastest"
        )
    }
}
