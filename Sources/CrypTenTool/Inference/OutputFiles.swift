import CrypTen
import CrypTenONNX
import Foundation

/// Writes outputs as `NAME.npy` into a folder, which is made where it is missing.
struct OutputFiles {
    /// Nil: nothing is written.
    var directory: String?

    /// Makes the folder: before an inference, so that it isn't for nothing.
    func prepare() throws {
        guard let directory else { return }
        let isWritable: Bool
        do {
            try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
            isWritable = FileManager.default.isWritableFile(atPath: directory)
        } catch {
            isWritable = false
        }
        guard isWritable else {
            throw CrypTenError(
                .fileNotReadable,
                "\(directory): no folder can be made or written here for the outputs; choose another"
            )
        }
    }

    /// - Returns: what was written where.
    func write(_ outputs: [(name: String, tensor: Tensor)]) throws -> [OutputReport] {
        var taken: Set<String> = []
        return try outputs.map { name, tensor in
            var report = OutputReport(name: name, shape: tensor.shape.dimensions, file: nil)
            guard let directory else { return report }
            let file = OutputFiles.fileName(for: name)
            guard taken.insert(file).inserted else {
                throw CrypTenError(
                    .invalidArgument,
                    "two outputs would be written to \(file): their names differ in other characters only"
                )
            }
            let path = directory + (directory.hasSuffix("/") ? "" : "/") + file
            try tensor.write(toNumpyFile: URL(fileURLWithPath: path))
            report.file = path
            return report
        }
    }

    /// The longest name of a file without its ending: systems take 255 bytes.
    private static let longestName = 200

    /// The file of an output: characters outside letters, digits, `.`, `_` and `-` become `_`, and a long name loses its middle for a
    /// number that tells it from others.
    static func fileName(for output: String) -> String {
        let name = String(
            output.unicodeScalars.map { scalar -> Character in
                switch scalar {
                case "a"..."z", "A"..."Z", "0"..."9", ".", "_", "-": Character(scalar)
                default: "_"
                }
            }
        )
        if name.count <= longestName { return name + ".npy" }
        // FNV-1a, the same on every machine.
        let number = output.utf8.reduce(0xCBF2_9CE4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
        let digits = String(number, radix: 16)
        let kept = (longestName - digits.count - 2) / 2
        return "\(name.prefix(kept))-\(digits)-\(name.suffix(kept)).npy"
    }
}

extension Tensor {
    /// The numbers in a model's own type; 16-bit floats become 32-bit ones, small integers 32-bit ones.
    func converted(to type: ONNXElementType) -> Tensor {
        switch type {
        case .float, .float16, .bfloat16: Tensor(.float(doubles.map(Float.init)), shape: shape)
        case .double: Tensor(.double(doubles), shape: shape)
        case .int8, .int16, .int32, .uint8, .uint16:
            Tensor(.int32((integers ?? []).map(Int32.init(truncatingIfNeeded:))), shape: shape)
        case .int64, .uint32, .uint64: Tensor(.int64(integers ?? []), shape: shape)
        case .bool: Tensor(.bool((integers ?? []).map { $0 != 0 }), shape: shape)
        }
    }
}
