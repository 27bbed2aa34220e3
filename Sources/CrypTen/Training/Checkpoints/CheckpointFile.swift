internal import CrypTenBase
internal import CrypTenExpressions
internal import CrypTenRing
internal import CrypTenRuntime
internal import Foundation

/// One party's part of a checkpoint: a safetensors file of its shares, 64-bit words, with what is public in its metadata.
///
/// Its name says whose it is, of which training and step, and the SHA-256 of its bytes. It holds no key, and nothing of a session's masks.
struct CheckpointFile {
    static let format = "crypten checkpoint 1"

    var header: CheckpointHeader
    var party: Int
    /// Names of tensors that are public, and left out.
    var publicNames: [String]
    var shares: [KeptShare]

    /// What is said of a share beside its shape.
    fileprivate struct Form: Codable {
        var name: String
        var kind: ElementKind
        var fractionBits: Int
        var range: ValueRange?
        var isMasked: Bool
    }

    // MARK: Names

    /// A file's name, taken apart.
    struct Name {
        var party: Int
        /// The first digits of the training's number.
        var training: Substring
        var digest: Substring
        var isSealed: Bool

        init?(_ text: String) {
            let parts = text.split(separator: ".", omittingEmptySubsequences: false)
            guard parts.count == 5, parts[0].hasPrefix("party-"), let party = Int(parts[0].dropFirst(6)), party >= 0,
                parts[1].hasPrefix("training-"), parts[2].hasPrefix("step-"), parts[3].count == 64,
                ["safetensors", "sealed"].contains(parts[4])
            else { return nil }
            (self.party, training) = (party, parts[1].dropFirst(9))
            (digest, isSealed) = (parts[3], parts[4] == "sealed")
        }
    }

    private func name(digest: String, isSealed: Bool) -> String {
        let digits = String(header.stepCount)
        let padded = String(repeating: "0", count: max(0, 8 - digits.count)) + digits
        let training = header.training.prefix(8)
        return "party-\(party).training-\(training).step-\(padded).\(digest).\(isSealed ? "sealed" : "safetensors")"
    }

    /// The name of what isn't finished.
    static func aside(party: Int) -> String {
        ".party-\(party).unfinished"
    }

    // MARK: Writing

    /// Puts the file on the disk; when this returns it is there, and stays.
    ///
    /// - Returns: Its name.
    /// - Throws: `.fileNotReadable` where that can't be done.
    /// - Complexity: a copy of 64 KiB in memory at a time.
    func write(to folder: URL, sealedWith key: CheckpointKey?) throws -> String {
        let file = try DurableFile(in: folder, aside: CheckpointFile.aside(party: party))
        var writer = try CheckpointWriter(file, sealedWith: key)
        let head = try SafetensorsHeader.bytes(
            of: shares.map { ($0.name, .u64, $0.shape) },
            metadata: metadata()
        )
        try head.withUnsafeBytes { try writer.write($0) }
        var buffer = RingTensor(uninitialized: [min(1 << 13, shares.map(\.words.count).max() ?? 0)])
        defer { buffer.wipe() }
        for share in shares {
            for start in stride(from: 0, to: share.words.count, by: max(1, buffer.count)) {
                let count = min(buffer.count, share.words.count - start)
                try share.words.withWords { words in
                    try buffer.withMutableWords { out in
                        for index in 0..<count { out[index] = words[start + index].littleEndian }
                        try writer.write(UnsafeRawBufferPointer(start: out, count: count * 8))
                    }
                }
            }
        }
        return try writer.finish { name(digest: $0, isSealed: key != nil) }
    }

    private func metadata() throws -> [String: String] {
        let forms = shares.map {
            Form(name: $0.name, kind: $0.kind, fractionBits: $0.scale, range: $0.range, isMasked: $0.isMasked)
        }
        return [
            "format": CheckpointFile.format, "party": String(party), "header": try text(of: header),
            "forms": try text(of: forms), "public": try text(of: publicNames),
        ]
    }

    private func text(of value: some Encodable) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(value), as: UTF8.self)
    }
}

extension CheckpointFile {
    /// A file of the given name.
    ///
    /// - Throws: `.malformedFile` for one that was damaged, or is something else; `.fileNotReadable` where it can't be read; `.invalidArgument`
    ///   where it is sealed and there is no key or another one, or isn't and there is a key.
    init(_ name: String, in folder: URL, sealedWith key: CheckpointKey?) throws {
        let url = folder.appendingPathComponent(name)
        let reader = SafetensorsReader(url)
        guard let parts = Name(name) else { throw reader.malformed("its name is no checkpoint's") }
        let bytes = try reader.contents(of: url)
        guard DurableFile.digest(of: bytes) == parts.digest else {
            throw reader.malformed("it was damaged: its SHA-256 isn't the one in its name")
        }
        switch (key, SealedFile.isSealed(bytes)) {
        case (nil, false):
            try self.init(SafetensorsFile(bytes: bytes, name: reader.name), reader, party: parts.party)
        case (let key?, true):
            var opened = try SealedFile.open(bytes, with: key, name: reader.name)
            defer { opened.resetBytes(in: opened.startIndex..<opened.endIndex) }
            try self.init(SafetensorsFile(bytes: opened, name: reader.name), reader, party: parts.party)
        case (nil, true):
            throw CrypTenError(
                .invalidArgument,
                "\(reader.name): it is sealed; give the key or passphrase that it was sealed with"
            )
        case (_?, false):
            throw CrypTenError(
                .invalidArgument,
                "\(reader.name): it isn't sealed, and there is a key or a passphrase; give none"
            )
        }
    }

    private init(_ file: SafetensorsFile, _ reader: SafetensorsReader, party: Int) throws {
        func value<Value: Decodable>(_ key: String) throws -> Value {
            guard let text = file.metadata[key],
                let value = try? JSONDecoder().decode(Value.self, from: Data(text.utf8))
            else { throw reader.malformed("its metadata don't say '\(key)'") }
            return value
        }
        guard file.metadata["format"] == CheckpointFile.format else {
            throw reader.malformed("it isn't a checkpoint of this version ('\(CheckpointFile.format)')")
        }
        header = try value("header")
        guard header.isPossible else { throw reader.malformed("no checkpoint can be as its header says") }
        self.party = try value("party")
        publicNames = try value("public")
        guard self.party == party else {
            throw reader.malformed("it is \(PartyID(self.party))'s, and its name says \(PartyID(party))'s")
        }
        let forms: [Form] = try value("forms")
        guard forms.map(\.name) == file.names else { throw reader.malformed("its tensors aren't those that it lists") }
        shares = try forms.map { form in
            guard form.kind != .bit, (0...62).contains(form.fractionBits), form.range.map({ $0.low <= $0.high }) ?? true
            else { throw reader.malformed("'\(form.name)' can't be kept as it says") }
            return KeptShare(
                name: form.name,
                kind: form.kind,
                scale: form.fractionBits,
                range: form.range,
                isMasked: form.isMasked,
                words: try file.words(form.name)
            )
        }
    }
}
