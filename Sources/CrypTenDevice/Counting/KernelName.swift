/// The device's kernels, and what each does again and again: a call's work is counted in these.
package enum KernelName: String, CaseIterable, Sendable {
    case addUnpacked = "add_unpacked"
    case booleanProgram = "boolean_program"
    case copy
    case elementwise
    case expand
    case fill
    case pack
    case patches
    case planeProduct = "plane_product"
    case planesOf = "planes_of"
    case reconstruct
    case residueProduct = "residue_product"
    case residues
    case ringProduct = "ring_product"
    case sum
    case tails
    case take
    case truncate
    case unpack
    case weights
    case wordsOf = "words_of"

    /// What it does again and again.
    package var unit: String {
        switch self {
        case .addUnpacked, .planesOf, .truncate, .unpack, .wordsOf, .pack: "elements"
        case .booleanProgram: "steps of a word"
        case .copy, .fill, .patches, .take: "words"
        case .elementwise: "steps of an element"
        case .expand: "words of AES"
        case .planeProduct, .ringProduct, .residueProduct: "multiplications"
        case .reconstruct, .residues: "words by residues"
        case .sum: "terms"
        case .tails: "planes"
        case .weights: "bits"
        }
    }
}
