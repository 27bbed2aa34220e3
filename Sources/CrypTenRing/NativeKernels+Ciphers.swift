package import CCrypTenKernels

extension NativeKernels {
    /// How the generator computes AES; all give the same words.
    package enum Cipher: String, CaseIterable, Sendable {
        case vaes = "VAES, 512 bits"
        case vaes256 = "VAES, 256 bits"
        case aesni = "AES-NI"
        case armv8 = "ARMv8 AES"
        case bitsliced

        /// What C calls it.
        package var value: cct_cipher_kind {
            switch self {
            case .vaes: CCT_CIPHER_VAES
            case .vaes256: CCT_CIPHER_VAES256
            case .aesni: CCT_CIPHER_AESNI
            case .armv8: CCT_CIPHER_ARMV8
            case .bitsliced: CCT_CIPHER_BITSLICED
            }
        }

        /// The ciphers that this machine has, fastest first.
        package static var available: [Cipher] {
            allCases.filter { cct_supports_cipher($0.value) == 1 }
        }

        /// The fastest one that goes with an instruction set on this machine.
        package init(fastestOf set: InstructionSet) {
            let value = cct_expand_cipher(set.value)
            self = Cipher.allCases.first { $0.value == value } ?? .bitsliced
        }
    }
}
