internal import Foundation

/// The directory of a zip archive whose files are stored as they are.
struct ZipArchive: Sendable {
    struct Entry: Sendable {
        var name: String
        /// CRC-32 of the contents.
        var checksum: UInt32
        /// Where the contents lie, in bytes from the start of the archive.
        var place: Range<Int>
    }

    var entries: [Entry]
    let reader: ZipReader

    /// A file's contents.
    ///
    /// - Throws: `.malformedFile` where they don't have their checksum.
    func contents(of entry: Entry, in archive: Data) throws -> Data {
        let contents = archive.dropFirst(entry.place.lowerBound).prefix(entry.place.count)
        guard CRC32.checksum(of: contents) == entry.checksum else {
            throw reader.malformed("'\(entry.name)' in it was damaged: its checksum is another one")
        }
        return contents
    }
}

/// Reads the directory of a zip archive, at its end; what it says of places is checked, for an archive may lie.
///
/// > PKWARE, "APPNOTE.TXT: .ZIP File Format Specification", 6.3.10: the end of the central directory, its entries, the local headers, and their
/// > forms for more than 4 GiB (zip64).
struct ZipReader: TensorFileReader {
    let name: String

    private enum Signature {
        static let local: UInt32 = 0x0403_4b50
        static let central: UInt32 = 0x0201_4b50
        static let end: UInt32 = 0x0605_4b50
        static let end64: UInt32 = 0x0606_4b50
        static let locator64: UInt32 = 0x0706_4b50
    }

    /// More files than any model has tensors.
    private static let mostEntries = 1 << 20

    /// The archive's directory.
    func archive(in bytes: Data) throws -> ZipArchive {
        guard bytes.count >= 22 else { throw malformed("it is too short for a zip archive") }
        let (count, start, end) = try directory(in: bytes)
        guard count <= ZipReader.mostEntries else { throw malformed("its directory claims \(count) files") }
        var position = start
        var entries: [ZipArchive.Entry] = []
        for _ in 0..<count {
            guard position + 46 <= end, try bytes.word32(position, self) == Signature.central else {
                throw malformed("its directory is damaged")
            }
            entries.append(try entry(at: &position, in: bytes))
        }
        // Contents that lie one over another would be many times as large as the archive.
        var last = 0
        for place in entries.map(\.place).sorted(by: { ($0.lowerBound, $0.upperBound) < ($1.lowerBound, $1.upperBound) }
        ) {
            guard place.lowerBound >= last else { throw malformed("files in it overlap") }
            last = place.upperBound
        }
        return ZipArchive(entries: entries, reader: self)
    }

    /// How many entries the directory has, and where it lies.
    private func directory(in bytes: Data) throws -> (count: Int, start: Int, end: Int) {
        // A comment of up to 2^16 − 1 bytes may follow.
        let first = max(0, bytes.count - 22 - 0xffff)
        guard
            let place = try (first...(bytes.count - 22)).reversed().first(where: {
                try bytes.word32($0, self) == Signature.end
                    && $0 + 22 + Int(bytes.word16($0 + 20, self)) == bytes.count
            })
        else { throw malformed("it isn't a zip archive, or was cut off") }
        var count = Int(try bytes.word16(place + 10, self))
        var (size, start) = (Int(try bytes.word32(place + 12, self)), Int(try bytes.word32(place + 16, self)))
        if place >= 20, try bytes.word32(place - 20, self) == Signature.locator64 {
            let record = try bytes.word64(place - 12, self)
            guard record + 56 <= place - 20, try bytes.word32(record, self) == Signature.end64 else {
                throw malformed("its directory is damaged")
            }
            count = try bytes.word64(record + 32, self)
            (size, start) = (try bytes.word64(record + 40, self), try bytes.word64(record + 48, self))
        }
        guard start <= place, size <= place - start else { throw malformed("its directory lies outside of it") }
        return (count, start, start + size)
    }

    /// The entry of the directory at a position, which moves on to the next.
    private func entry(at position: inout Int, in bytes: Data) throws -> ZipArchive.Entry {
        let flags = try bytes.word16(position + 8, self)
        let method = try bytes.word16(position + 10, self)
        var packed = Int(try bytes.word32(position + 20, self))
        var size = Int(try bytes.word32(position + 24, self))
        let lengths = try (0..<3).map { Int(try bytes.word16(position + 28 + 2 * $0, self)) }
        var offset = Int(try bytes.word32(position + 42, self))
        let text = try bytes.piece(position + 46, lengths[0], self)
        guard let name = String(validating: text, as: UTF8.self) else {
            throw malformed("a name in it isn't UTF-8")
        }
        // The numbers that don't fit stand in a field of their own, in this order.
        var wide = try wideNumbers(in: bytes.piece(position + 46 + lengths[0], lengths[1], self))[...]
        func take(_ number: inout Int) throws {
            guard number == 0xffff_ffff else { return }
            guard let large = wide.popFirst() else { throw malformed("the size of '\(name)' is missing") }
            number = large
        }
        try take(&size)
        try take(&packed)
        try take(&offset)
        guard flags & 1 == 0 else { throw malformed("'\(name)' in it is encrypted") }
        guard method == 0, packed == size else {
            throw malformed(
                "'\(name)' in it is compressed, which isn't read here; save it with np.savez, not savez_compressed"
            )
        }
        guard offset <= bytes.count - 30, try bytes.word32(offset, self) == Signature.local else {
            throw malformed("'\(name)' in it lies elsewhere than the directory says")
        }
        let start = offset + 30 + Int(try bytes.word16(offset + 26, self)) + Int(try bytes.word16(offset + 28, self))
        guard start <= bytes.count, size <= bytes.count - start else {
            throw malformed("'\(name)' in it is truncated")
        }
        let checksum = try bytes.word32(position + 16, self)
        position += 46 + lengths.reduce(0, +)
        return ZipArchive.Entry(name: name, checksum: checksum, place: start..<start + size)
    }

    /// The numbers of the zip64 field, if there is one among the additional fields.
    private func wideNumbers(in fields: Data) throws -> [Int] {
        var rest = fields
        while rest.count >= 4 {
            let words = rest.numbers(of: UInt16.self, count: 2)
            let field = rest.dropFirst(4).prefix(Int(words[1]))
            guard words[0] != 1 else {
                return try field.numbers(of: UInt64.self, count: field.count / 8).map { number in
                    guard let number = Int(exactly: number) else { throw malformed("a size in it can't be") }
                    return number
                }
            }
            rest = rest.dropFirst(4 + field.count)
        }
        return []
    }
}

extension Data {
    /// Bytes that must be there.
    fileprivate func piece(_ place: Int, _ count: Int, _ reader: ZipReader) throws -> Data {
        guard place >= 0, place <= self.count, count <= self.count - place else {
            throw reader.malformed("it is truncated, or its directory is damaged")
        }
        return dropFirst(place).prefix(count)
    }

    fileprivate func word16(_ place: Int, _ reader: ZipReader) throws -> UInt16 {
        try piece(place, 2, reader).numbers(of: UInt16.self, count: 1)[0]
    }

    fileprivate func word32(_ place: Int, _ reader: ZipReader) throws -> UInt32 {
        try piece(place, 4, reader).numbers(of: UInt32.self, count: 1)[0]
    }

    /// A number of 64 bits that may be a place.
    fileprivate func word64(_ place: Int, _ reader: ZipReader) throws -> Int {
        let number = try piece(place, 8, reader).numbers(of: UInt64.self, count: 1)[0]
        guard number <= UInt64(Int.max / 4) else { throw reader.malformed("its directory is damaged") }
        return Int(number)
    }
}
