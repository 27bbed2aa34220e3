internal import CrypTenBase
internal import Foundation

/// Writes a zip archive of files that are stored as they are.
struct ZipWriter {
    private var bytes = Data()
    private var directory = Data()
    private var names: Set<String> = []

    /// Adds a file.
    ///
    /// - Throws: `.invalidArgument` for a second one of a name, and for what zip archives have no room for.
    mutating func add(_ name: String, _ contents: Data) throws {
        guard names.insert(name).inserted else {
            throw CrypTenError(.invalidArgument, "an archive can't hold two files '\(name)'")
        }
        let text = Data(name.utf8)
        guard names.count < 0xffff, text.count <= 0xffff, bytes.count + contents.count < 0xf000_0000 else {
            throw CrypTenError(
                .invalidArgument,
                "an .npz file has room for 65,534 tensors and 4 GiB here, and there is more; write a safetensors file"
            )
        }
        let offset = bytes.count
        // Version 2.0; names are UTF-8; stored; the first day that there is.
        var header = Data()
        for word in [20, 0x800, 0, 0, 0x21] as [UInt16] { header.append(littleEndian: word) }
        header.append(littleEndian: CRC32.checksum(of: contents))
        for _ in 0..<2 { header.append(littleEndian: UInt32(contents.count)) }
        header.append(littleEndian: UInt16(text.count))
        header.append(littleEndian: UInt16(0))
        bytes.append(littleEndian: 0x0403_4b50 as UInt32)
        bytes += header + text + contents

        directory.append(littleEndian: 0x0201_4b50 as UInt32)
        directory.append(littleEndian: 20 as UInt16)
        directory += header
        for word in [0, 0, 0, 0, 0] as [UInt16] { directory.append(littleEndian: word) }
        directory.append(littleEndian: UInt32(offset))
        directory += text
    }

    /// The archive's bytes.
    ///
    /// - Throws: `.invalidArgument` for what zip archives have no room for.
    func finish() throws -> Data {
        var out = bytes + directory
        out.append(littleEndian: 0x0605_4b50 as UInt32)
        for word in [0, 0, UInt16(names.count), UInt16(names.count)] { out.append(littleEndian: word) }
        out.append(littleEndian: UInt32(directory.count))
        out.append(littleEndian: UInt32(bytes.count))
        out.append(littleEndian: 0 as UInt16)
        return out
    }
}

extension Data {
    fileprivate mutating func append(littleEndian word: some FixedWidthInteger) {
        Swift.withUnsafeBytes(of: word.littleEndian) { append(contentsOf: $0) }
    }
}
