import Foundation

/// An input of a request or an output of an answer, as JSON has it.
struct TensorBody: Codable {
    /// What the protocol calls words.
    static let datatype = "UINT64"
    /// What others would send: numbers that were to be split first.
    private static let plainTypes: Set<String> = [
        "BOOL", "UINT8", "UINT16", "UINT32", "INT8", "INT16", "INT32", "INT64", "FP16", "FP32", "FP64", "BF16", "BYTES",
    ]

    struct Parameters: Codable {
        var binaryDataSize: Int?
        var fractionBits: Int?
        var type: String?

        enum CodingKeys: String, CodingKey {
            case binaryDataSize = "binary_data_size"
            case fractionBits = "crypten_fraction_bits"
            case type = "crypten_type"
        }
    }

    enum CodingKeys: String, CodingKey {
        case name, shape, datatype, data, parameters
    }

    var name: String
    var shape: [Int]
    var datatype: String
    var data: [UInt64]?
    var parameters: Parameters?

    /// One that is to be written; its words stand in it, or behind all JSON.
    init(name: String, shape: [Int], words: [UInt64]?, binary: Bool, parameters: Parameters = Parameters()) {
        self.name = name
        self.shape = shape
        datatype = TensorBody.datatype
        data = binary ? nil : words
        var parameters = parameters
        if binary { parameters.binaryDataSize = words.map { LittleEndianWords.size * $0.count } }
        let isEmpty = parameters.binaryDataSize == nil && parameters.fractionBits == nil && parameters.type == nil
        self.parameters = isEmpty ? nil : parameters
    }

    /// Reads one, whoever wrote it; ``WireLimits`` stand in the decoder's `userInfo`.
    ///
    /// - Throws: ``DoorRefusal``, or what the decoder has to say of JSON that isn't this.
    init(from decoder: any Decoder) throws {
        let limits = decoder.userInfo[.wireLimits] as? WireLimits ?? WireLimits()
        let container = try decoder.container(keyedBy: CodingKeys.self)
        name = try container.decode(String.self, forKey: .name)
        guard (1...limits.mostNameBytes).contains(name.utf8.count) else {
            throw DoorRefusal(.malformed, "a name has 1 to \(limits.mostNameBytes) bytes; one has \(name.utf8.count)")
        }
        datatype = try container.decode(String.self, forKey: .datatype)
        guard datatype == TensorBody.datatype else {
            throw TensorBody.plainTypes.contains(datatype)
                ? DoorRefusal(
                    .needsShares,
                    "an input of type \(datatype) was sent: a client of the cell splits it into shares, which are \(TensorBody.datatype)"
                )
                : DoorRefusal(.malformed, "no such datatype: shares are \(TensorBody.datatype)")
        }
        shape = try TensorBody.shape(in: container, limits)
        let count = try TensorBody.count(of: shape, limits)
        parameters = try container.decodeIfPresent(Parameters.self, forKey: .parameters)
        if let size = parameters?.binaryDataSize {
            guard size == LittleEndianWords.size * count else {
                throw DoorRefusal(
                    .malformed,
                    "a tensor of shape \(shape) has \(LittleEndianWords.size * count) bytes of words, and \"binary_data_size\" says otherwise"
                )
            }
            guard !container.contains(.data) else {
                throw DoorRefusal(.malformed, "a tensor has \"data\" and \"binary_data_size\": send its words once")
            }
        }
        data = try TensorBody.words(in: container, count: count)
    }

    /// The shape, whose number of axes is checked before it is read.
    private static func shape(in container: KeyedDecodingContainer<CodingKeys>, _ limits: WireLimits) throws -> [Int] {
        let axes = try container.nestedUnkeyedContainer(forKey: .shape).count ?? 0
        guard (1...limits.mostAxes).contains(axes) else {
            throw DoorRefusal(.malformed, "a shape has 1 to \(limits.mostAxes) axes; one has \(axes)")
        }
        return try container.decode([Int].self, forKey: .shape)
    }

    /// How many words a shape has.
    private static func count(of shape: [Int], _ limits: WireLimits) throws -> Int {
        guard shape.allSatisfy({ $0 >= 0 }), shape[0] >= 1 else {
            throw DoorRefusal(.malformed, "\(shape) is no shape: there is at least one row, and nothing is negative")
        }
        guard shape[0] <= limits.mostRows else {
            throw DoorRefusal(
                .tooLarge,
                "\(shape[0]) rows are more than the \(limits.mostRows) that a request may have: ask for them in parts"
            )
        }
        var count = 1
        for extent in shape {
            let (product, overflow) = count.multipliedReportingOverflow(by: extent)
            guard !overflow, product <= limits.mostWords else {
                throw DoorRefusal(
                    .tooLarge,
                    "a tensor of shape \(shape) is larger than the \(limits.mostWords) words that a request may have: ask in parts"
                )
            }
            count = product
        }
        return count
    }

    /// The words, whose number is checked before they are read.
    private static func words(in container: KeyedDecodingContainer<CodingKeys>, count: Int) throws -> [UInt64]? {
        guard container.contains(.data) else { return nil }
        guard try container.nestedUnkeyedContainer(forKey: .data).count == count else {
            throw DoorRefusal(.malformed, "\"data\" has not the \(count) words that its shape says, in one flat list")
        }
        return try container.decode([UInt64].self, forKey: .data)
    }

    /// How many words there are.
    var count: Int { shape.reduce(1, *) }
}

extension CodingUserInfoKey {
    static let wireLimits = CodingUserInfoKey(rawValue: "crypten.wireLimits")!
}

extension [TensorBody] {
    /// The words of all, from JSON or from what stands behind it; nil where none has any.
    ///
    /// - Throws: ``DoorRefusal`` where some have words and some haven't, or where what stands behind isn't what was announced.
    func words(behind binary: Data) throws -> [[UInt64]]? {
        let announced = reduce(0) { $0 + ($1.parameters?.binaryDataSize ?? 0) }
        guard announced == binary.count else {
            throw DoorRefusal(
                .malformed,
                "\(binary.count) bytes stand behind the JSON, and the tensors' \"binary_data_size\" add up to \(announced)"
            )
        }
        let without = self.filter { $0.data == nil && $0.parameters?.binaryDataSize == nil }.count
        guard without < count else { return nil }
        guard without == 0 else { throw DoorRefusal(.malformed, "\(without) of \(count) tensors have no words") }
        var rest = binary
        return map { tensor in
            if let data = tensor.data { return data }
            let size = tensor.parameters?.binaryDataSize ?? 0
            defer { rest = rest.dropFirst(size) }
            return LittleEndianWords.decode(rest.prefix(size))
        }
    }

    /// - Throws: ``DoorRefusal`` where two have one name, where rows differ, or where all together are too large.
    func checkTogether(_ limits: WireLimits) throws {
        guard Set(map(\.name)).count == count else {
            throw DoorRefusal(.malformed, "two tensors have one name: send each once")
        }
        guard Set(map { $0.shape[0] }).count <= 1 else {
            throw DoorRefusal(
                .malformed,
                "the tensors have different numbers of rows: the first axis of each is the rows"
            )
        }
        guard reduce(0, { $0 + $1.count }) <= limits.mostWords else {
            throw DoorRefusal(
                .tooLarge,
                "the tensors together are larger than the \(limits.mostWords) words that a request may have: ask in parts"
            )
        }
    }
}
