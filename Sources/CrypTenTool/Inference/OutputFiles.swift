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

    /// - Parameter texts: Of outputs of texts, whose numbers are places of them, by name.
    /// - Returns: what was written where.
    func write(
        _ outputs: [(name: String, tensor: Tensor)],
        texts: [String: [String]] = [:]
    ) throws -> [OutputReport] {
        let files = OutputFiles.fileNames(for: outputs.map(\.name))
        return try zip(outputs, files).map { output, file in
            var report = OutputReport(name: output.name, shape: output.tensor.shape.dimensions, file: nil)
            guard let directory else { return report }
            let path = directory + (directory.hasSuffix("/") ? "" : "/") + file
            try output.tensor.write(toNumpyFile: URL(fileURLWithPath: path), texts: texts[output.name])
            report.file = path
            return report
        }
    }

    /// Which outputs have files of other names than their own, a line each, to be told before the run; nil where none has.
    func renaming(of outputs: [String]) -> String? {
        guard directory != nil else { return nil }
        let lines = zip(outputs, OutputFiles.fileNames(for: outputs)).compactMap { output, file in
            file == output + ".npy" ? nil : "output '\(String(output.map { $0.isNewline ? " " : $0 }))' goes to \(file)"
        }
        return lines.isEmpty ? nil : lines.joined(separator: "\n")
    }

    /// The longest name of a file without its ending: systems take 255 bytes.
    private static let longestName = 200

    /// The files of outputs, all different, also where a file's name has no case.
    ///
    /// Characters outside letters, digits, `.`, `_` and `-` become `_`. A name that is too long loses its middle for a number made of the
    /// output's whole name, and one that another output has already gets such a number, too.
    static func fileNames(for outputs: [String]) -> [String] {
        var taken: Set<String> = []
        let plain = outputs.map(escaped)
        // Names that are files' names as they stand keep theirs, whatever comes before them.
        var files = zip(outputs, plain).map { output, file -> String? in
            output == file && file.count <= longestName && taken.insert(file.lowercased()).inserted ? file : nil
        }
        for (index, name) in plain.enumerated() where files[index] == nil {
            var (file, turn) = (name, 0)
            while turn == 0 && name.count > longestName || taken.contains(file.lowercased()) {
                file = numbered(name, outputs[index], turn)
                turn += 1
            }
            taken.insert(file.lowercased())
            files[index] = file
        }
        return files.map { ($0 ?? "") + ".npy" }
    }

    private static func escaped(_ output: String) -> String {
        let name = String(
            output.unicodeScalars.map { scalar -> Character in
                switch scalar {
                case "a"..."z", "A"..."Z", "0"..."9", ".", "_", "-": Character(scalar)
                default: "_"
                }
            }
        )
        return name.isEmpty ? "_" : name
    }

    /// A name with a number made of the output's own.
    private static func numbered(_ name: String, _ output: String, _ turn: Int) -> String {
        // FNV-1a, the same on every machine.
        let number = (Array(output.utf8) + [UInt8](repeating: 0, count: turn)).reduce(0xCBF2_9CE4_8422_2325 as UInt64) {
            ($0 ^ UInt64($1)) &* 0x100_0000_01B3
        }
        let digits = String(number, radix: 16)
        if name.count + digits.count < longestName { return "\(name)-\(digits)" }
        let kept = (longestName - digits.count - 2) / 2
        return "\(name.prefix(kept))-\(digits)-\(name.suffix(kept))"
    }
}

extension Tensor {
    /// The numbers in a model's own type; 16-bit floats become 32-bit ones, small integers 32-bit ones.
    func converted(to type: ONNXElementType) -> Tensor {
        switch type {
        case .float, .float16, .bfloat16: Tensor(.float(doubles.map(Float.init)), shape: shape)
        case .double: Tensor(.double(doubles), shape: shape)
        case .int2, .int4, .int8, .int16, .int32, .uint2, .uint4, .uint8, .uint16:
            Tensor(.int32((integers ?? []).map(Int32.init(truncatingIfNeeded:))), shape: shape)
        case .int64, .uint32, .uint64: Tensor(.int64(integers ?? []), shape: shape)
        case .bool: Tensor(.bool((integers ?? []).map { $0 != 0 }), shape: shape)
        }
    }
}
