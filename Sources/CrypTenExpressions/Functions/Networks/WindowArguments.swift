/// One number for rows and one for columns; a literal stands for both.
public struct IntOrPair: Hashable, Sendable, ExpressibleByIntegerLiteral {
    /// The number for rows.
    public var rows: Int
    /// The number for columns.
    public var columns: Int

    /// Numbers for rows and columns.
    public init(_ rows: Int, _ columns: Int) {
        self.rows = rows
        self.columns = columns
    }

    /// The same number for rows and columns.
    public init(_ both: Int) {
        self.init(both, both)
    }

    /// The same number everywhere.
    public init(integerLiteral value: Int) {
        self.init(value, value)
    }
}

/// How many rows and columns are added around an image; a literal stands for all four sides.
public struct Padding: Hashable, Sendable, ExpressibleByIntegerLiteral {
    /// Rows of zeros above.
    public var top: Int
    /// Columns of zeros on the left.
    public var left: Int
    /// Rows of zeros below.
    public var bottom: Int
    /// Columns of zeros on the right.
    public var right: Int

    /// A number for each side.
    public init(top: Int, left: Int, bottom: Int, right: Int) {
        self.top = top
        self.left = left
        self.bottom = bottom
        self.right = right
    }

    /// The same number of rows above and below, and of columns left and right.
    public init(_ rows: Int, _ columns: Int) {
        self.init(top: rows, left: columns, bottom: rows, right: columns)
    }

    /// The same number on all sides.
    public init(_ all: Int) {
        self.init(all, all)
    }

    /// The same number everywhere.
    public init(integerLiteral value: Int) {
        self.init(value, value)
    }
}
