import CrypTen
import CrypTenRuntime
import Foundation

/// A digest of the rows that the steps of a training have taken, one after the other: a checkpoint has it, so that a training that goes on with
/// another order of rows, which would take some twice and others never, is found out.
struct RowsTaken: Sendable {
    private static let key = "rows taken"
    private var digest = ""

    /// Adds a step's rows.
    mutating func take(_ rows: [Int]) {
        // The digest so far, as long as it always is, and then each row.
        var bytes = Data(digest.utf8)
        for row in rows { withUnsafeBytes(of: UInt64(row).littleEndian) { bytes.append(contentsOf: $0) } }
        digest = DurableFile.digest(of: bytes)
    }

    /// Adds the rows of the steps that a checkpoint was made after.
    ///
    /// - Throws: `.wrongSession` where those were others; a checkpoint that doesn't say which goes with any.
    mutating func take(_ steps: some Sequence<[Int]>, asIn checkpoint: CheckpointHeader) throws {
        for rows in steps { take(rows) }
        guard let known = checkpoint.notes[RowsTaken.key], known != digest else { return }
        throw CrypTenError(
            .wrongSession,
            """
            the checkpoint is of a training whose first \(checkpoint.stepCount) steps took other rows than --order, or the number of rows, says: \
            resume it with its own order and data
            """
        )
    }

    /// What a checkpoint has of it.
    var notes: [String: String] { [RowsTaken.key: digest] }
}
