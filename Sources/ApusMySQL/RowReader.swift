import CMariaDB

/// Where the rows of the statement that runs come from.
protocol RowReader: AnyObject {
    var columns: [MySQLColumn] { get }
    /// Lets go of what libmariadb holds for the rows. It must have nothing to read from the server any more.
    func free()
}

/// Rows of the text protocol.
final class TextRows: RowReader {
    let result: UnsafeMutablePointer<MYSQL_RES>
    let columns: [MySQLColumn]

    init(_ result: UnsafeMutablePointer<MYSQL_RES>) {
        self.result = result
        let count = Int(mysql_num_fields(result))
        columns = UnsafeBufferPointer(start: mysql_fetch_fields(result), count: count).map { MySQLColumn($0) }
    }

    nonisolated deinit {}

    func free() { mysql_free_result(result) }

    /// The values of the row that was fetched, and how many bytes they take.
    func values(_ row: MYSQL_ROW) -> (values: [MySQLValue], bytes: Int) {
        guard let lengths = mysql_fetch_lengths(result) else { return ([], 0) }
        var bytes = 0
        let values = columns.indices.map { index -> MySQLValue in
            guard let start = row[index] else { return .null }
            bytes += Int(lengths[index])
            return columns[index].value(ofText: UnsafeRawBufferPointer(start: start, count: Int(lengths[index])))
        }
        return (values, bytes)
    }
}

/// Rows of the binary protocol: of a prepared statement.
final class PreparedRows: RowReader {
    let statement: UnsafeMutablePointer<MYSQL_STMT>
    let columns: [MySQLColumn]
    private let binds: UnsafeMutablePointer<MYSQL_BIND>
    private let buffers: UnsafeMutablePointer<Buffer>

    /// Longer values are fetched by themselves.
    private static let shortBytes = 128

    /// Where one column of a row is put.
    private struct Buffer {
        var length: UInt = 0
        var isNull: my_bool = 0
        var error: my_bool = 0
        var time = MYSQL_TIME()
        var number: UInt64 = 0
        var bytes: UnsafeMutableRawPointer
    }

    /// `fields` describe the rows; unless they are given, the statement does.
    init(_ statement: UnsafeMutablePointer<MYSQL_STMT>, fields: UnsafeMutablePointer<MYSQL_FIELD>?) {
        self.statement = statement
        let fields = fields ?? mariadb_stmt_fetch_fields(statement)
        let count = fields == nil ? 0 : Int(mysql_stmt_field_count(statement))
        columns = UnsafeBufferPointer(start: fields, count: count).map { MySQLColumn($0) }
        binds = .allocate(capacity: max(1, count))
        binds.initialize(repeating: MYSQL_BIND(), count: max(1, count))
        buffers = .allocate(capacity: max(1, count))
        for index in 0..<count {
            let bytes = UnsafeMutableRawPointer.allocate(byteCount: Self.shortBytes, alignment: 8)
            (buffers + index).initialize(to: Buffer(bytes: bytes))
            bind(index)
        }
    }

    nonisolated deinit {}

    /// The rows that are left are read by whoever uses the statement next.
    func free() {
        for index in columns.indices { buffers[index].bytes.deallocate() }
        buffers.deallocate()
        binds.deallocate()
    }

    private func field<Value>(_ index: Int, _ path: KeyPath<Buffer, Value>) -> UnsafeMutableRawPointer {
        UnsafeMutableRawPointer(buffers + index) + MemoryLayout<Buffer>.offset(of: path)!
    }

    private func bind(_ index: Int) {
        let length = field(index, \.length).assumingMemoryBound(to: UInt.self)
        binds[index].length = length
        binds[index].is_null = field(index, \.isNull).assumingMemoryBound(to: my_bool.self)
        binds[index].error = field(index, \.error).assumingMemoryBound(to: my_bool.self)
        switch columns[index].kind {
        case .signed, .unsigned:
            binds[index].buffer_type = MYSQL_TYPE_LONGLONG
            binds[index].is_unsigned = columns[index].kind == .unsigned ? 1 : 0
            binds[index].buffer = field(index, \.number)
        case .float:
            binds[index].buffer_type = MYSQL_TYPE_FLOAT
            binds[index].buffer = field(index, \.number)
        case .double:
            binds[index].buffer_type = MYSQL_TYPE_DOUBLE
            binds[index].buffer = field(index, \.number)
        case .date:
            binds[index].buffer_type = MYSQL_TYPE_DATE
            binds[index].buffer = field(index, \.time)
        case .dateTime:
            binds[index].buffer_type = MYSQL_TYPE_DATETIME
            binds[index].buffer = field(index, \.time)
        case .time:
            binds[index].buffer_type = MYSQL_TYPE_TIME
            binds[index].buffer = field(index, \.time)
        case .decimal, .text, .bytes:
            binds[index].buffer_type = columns[index].kind == .bytes ? MYSQL_TYPE_LONG_BLOB : MYSQL_TYPE_STRING
            binds[index].buffer = buffers[index].bytes
            binds[index].buffer_length = UInt(Self.shortBytes)
        }
    }

    /// False when libmariadb takes the buffers not.
    func bindAll() -> Bool { mysql_stmt_bind_result(statement, binds) == 0 }

    /// The values of the row that was fetched, and how many bytes they take; nil when one cannot be read.
    func values() -> (values: [MySQLValue], bytes: Int)? {
        var values: [MySQLValue] = []
        values.reserveCapacity(columns.count)
        var bytes = 0
        for index in columns.indices {
            guard buffers[index].isNull == 0 else {
                values.append(.null)
                continue
            }
            guard let value = value(index) else { return nil }
            bytes += Int(buffers[index].length)
            values.append(value)
        }
        return (values, bytes)
    }

    private func value(_ index: Int) -> MySQLValue? {
        let buffer = buffers + index
        switch columns[index].kind {
        case .signed: return .integer(Int(bitPattern: UInt(buffer.pointee.number)))
        case .unsigned: return .unsigned(UInt(buffer.pointee.number))
        case .float:
            let number = Float(bitPattern: UInt32(truncatingIfNeeded: buffer.pointee.number))
            return .double(Double(number.description) ?? Double(number))
        case .double: return .double(Double(bitPattern: buffer.pointee.number))
        case .date: return .date(MySQLDate(buffer.pointee.time))
        case .dateTime: return .dateTime(MySQLDateTime(buffer.pointee.time))
        case .time: return .time(MySQLTime(buffer.pointee.time))
        case .decimal: return text(index).map { .decimal($0) }
        case .text: return text(index).map { .text($0) }
        case .bytes: return bytes(index).map { .bytes($0) }
        }
    }

    private func text(_ index: Int) -> String? { bytes(index).map { String(decoding: $0, as: UTF8.self) } }

    private func bytes(_ index: Int) -> [UInt8]? {
        let count = Int(buffers[index].length)
        if count <= Self.shortBytes {
            return Array(UnsafeRawBufferPointer(start: buffers[index].bytes, count: count))
        }
        var isFetched = true
        let bytes = [UInt8](unsafeUninitializedCapacity: count) { target, initialized in
            var bind = MYSQL_BIND()
            var length: UInt = 0
            withUnsafeMutablePointer(to: &length) { length in
                bind.buffer_type = binds[index].buffer_type
                bind.buffer = UnsafeMutableRawPointer(target.baseAddress)
                bind.buffer_length = UInt(count)
                bind.length = length
                isFetched = mysql_stmt_fetch_column(statement, &bind, UInt32(index), 0) == 0
            }
            initialized = isFetched ? count : 0
        }
        return isFetched ? bytes : nil
    }
}

nonisolated extension MySQLDate {
    init(_ time: MYSQL_TIME) {
        self.init(year: Int(clamping: time.year), month: Int(clamping: time.month), day: Int(clamping: time.day))
    }
}

nonisolated extension MySQLDateTime {
    init(_ time: MYSQL_TIME) {
        self.init(
            year: Int(clamping: time.year), month: Int(clamping: time.month), day: Int(clamping: time.day),
            hour: Int(clamping: time.hour),
            minute: Int(clamping: time.minute), second: Int(clamping: time.second),
            microsecond: Int(clamping: time.second_part))
    }
}

nonisolated extension MySQLTime {
    init(_ time: MYSQL_TIME) {
        self.init(
            isNegative: time.neg != 0, hours: Int(clamping: time.day) * 24 + Int(clamping: time.hour),
            minutes: Int(clamping: time.minute),
            seconds: Int(clamping: time.second), microseconds: Int(clamping: time.second_part))
    }
}
