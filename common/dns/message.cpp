#include "common/dns/message.h"

#include <algorithm>
#include <optional>

#include "common/base/text.h"

namespace pennypost {
namespace {

constexpr std::size_t header_bytes = 12;
constexpr std::uint16_t class_in = 1;
constexpr std::uint16_t type_opt = 41;

bool is_label_octet(char c) { return is_alnum(c) || c == '-' || c == '_'; }

void append16(std::string& out, std::uint16_t value) {
  out += static_cast<char>(value >> 8);
  out += static_cast<char>(value & 0xff);
}

std::string_view without_last_dot(std::string_view name) {
  if (name.ends_with('.')) name.remove_suffix(1);
  return name;
}

Result<std::string> wire_name(std::string_view name) {
  if (name == ".") return std::string(1, '\0');
  name = without_last_dot(name);
  if (name.empty() || name.size() > dns_name_bytes_max) return Error(501, "no DNS name");
  std::string out;
  for (auto label : split(name, '.')) {
    if (label.empty() || label.size() > dns_label_bytes_max) return Error(501, "no DNS name");
    out += static_cast<char>(label.size());
    out += label;
  }
  out += '\0';
  return out;
}

/// In lower case, octets that are not for host names as \DDD.
void append_label(std::string& text, std::string_view label) {
  for (char c : label) {
    if (is_label_octet(c)) {
      text += to_lower(c);
    } else {
      auto code = static_cast<unsigned char>(c);
      text += '\\';
      text += static_cast<char>('0' + code / 100);
      text += static_cast<char>('0' + code / 10 % 10);
      text += static_cast<char>('0' + code % 10);
    }
  }
}

/// A name that was asked for, as Cursor::name() reads it from the answer.
std::string shown_name(std::string_view name) {
  std::string text;
  for (auto label : split(without_last_dot(name), '.')) {
    if (!text.empty()) text += '.';
    append_label(text, label);
  }
  return text;
}

/// Reads a message from front to back; every read checks its bounds.
class Cursor {
 public:
  explicit Cursor(std::string_view all) : all_(all) {}

  bool is_good() const { return good_; }
  std::size_t at() const { return at_; }
  void seek(std::size_t at) {
    at_ = at;
    if (at > all_.size()) good_ = false;
  }
  std::uint8_t u8() {
    if (!has(1)) return 0;
    return static_cast<std::uint8_t>(all_[at_++]);
  }
  std::uint16_t u16() {
    std::uint16_t high = u8();
    return static_cast<std::uint16_t>(high << 8 | u8());
  }
  std::uint32_t u32() {
    std::uint32_t high = u16();
    return high << 16 | u16();
  }
  std::string_view take(std::size_t count) {
    if (!has(count)) return {};
    auto bytes = all_.substr(at_, count);
    at_ += count;
    return bytes;
  }
  /// A name as text, in lower case, without the trailing dot; the root is empty.
  std::string name() {
    std::string text;
    std::size_t position = at_;
    std::size_t lowest = at_;  // pointers must lead before it, so that no loop is possible
    std::optional<std::size_t> behind;
    for (;;) {
      if (position >= all_.size()) return fail();
      auto size = static_cast<std::uint8_t>(all_[position]);
      if (size == 0) {
        ++position;
        break;
      }
      if ((size & 0xc0) == 0xc0) {
        if (position + 1 >= all_.size()) return fail();
        std::size_t target = (size & 0x3fu) << 8 | static_cast<std::uint8_t>(all_[position + 1]);
        if (!behind) behind = position + 2;
        if (target >= lowest) return fail();
        lowest = position = target;
        continue;
      }
      if (size > dns_label_bytes_max || position + 1 + size > all_.size()) return fail();
      if (!text.empty()) text += '.';
      append_label(text, all_.substr(position + 1, size));
      if (text.size() > 4 * dns_name_bytes_max) return fail();
      position += 1u + size;
    }
    at_ = behind.value_or(position);
    return text;
  }

 private:
  bool has(std::size_t count) {
    if (count > all_.size() - std::min(at_, all_.size())) good_ = false;
    return good_;
  }
  std::string fail() {
    good_ = false;
    return {};
  }
  std::string_view all_;
  std::size_t at_ = 0;
  bool good_ = true;
};

struct Record {
  std::string owner;
  DnsType type{};
  std::uint32_t ttl = 0;
  std::optional<DnsData> data;
  bool is_malformed = false;       // has a type that we read, but malformed data
  std::uint32_t negative_ttl = 0;  // SOA
};

std::optional<DnsData> txt(std::string_view data) {
  std::string text;
  while (!data.empty()) {
    auto size = static_cast<std::uint8_t>(data.front());
    if (data.size() < 1u + size) return {};
    text += data.substr(1, size);
    data.remove_prefix(1u + size);
  }
  return text;
}

std::optional<DnsData> address(std::string_view data) {
  if (data.size() == 4) {
    std::array<std::uint8_t, 4> bytes{};
    std::copy(data.begin(), data.end(), reinterpret_cast<char*>(bytes.data()));
    return IpAddress::v4(bytes);
  }
  if (data.size() == 16) {
    std::array<std::uint8_t, 16> bytes{};
    std::copy(data.begin(), data.end(), reinterpret_cast<char*>(bytes.data()));
    return IpAddress::v6(bytes);
  }
  return {};
}

std::optional<DnsData> record_data(Cursor& cursor, DnsType type, std::size_t size,
                                   std::uint32_t& negative_ttl) {
  std::size_t end = cursor.at() + size;
  switch (type) {
    case DnsType::A:
      return size == 4 ? address(cursor.take(size)) : std::nullopt;
    case DnsType::Aaaa:
      return size == 16 ? address(cursor.take(size)) : std::nullopt;
    case DnsType::Ptr:
    case DnsType::Ns:
    case DnsType::Cname: {
      std::string name = cursor.name();
      if (!cursor.is_good() || cursor.at() != end) return {};
      return name;
    }
    case DnsType::Mx: {
      MxRecord mx;
      mx.preference = cursor.u16();
      mx.host = cursor.name();
      if (!cursor.is_good() || cursor.at() != end) return {};
      return mx;
    }
    case DnsType::Txt:
      return txt(cursor.take(size));
    case DnsType::Tlsa: {
      if (size < 3) return {};
      TlsaRecord tlsa;
      tlsa.usage = cursor.u8();
      tlsa.selector = cursor.u8();
      tlsa.matching = cursor.u8();
      tlsa.data = cursor.take(size - 3);
      return tlsa;
    }
    case DnsType::Soa:
      if (size >= 4) {
        cursor.seek(end - 4);
        negative_ttl = cursor.u32();
      }
      return {};
  }
  return {};
}

/// Whether we read the data of this type.
bool has_data(DnsType type) {
  switch (type) {
    case DnsType::A:
    case DnsType::Aaaa:
    case DnsType::Cname:
    case DnsType::Mx:
    case DnsType::Ns:
    case DnsType::Ptr:
    case DnsType::Tlsa:
    case DnsType::Txt:
      return true;
    case DnsType::Soa:
      break;
  }
  return false;
}

/// Nothing if the bytes end within the record.
std::optional<Record> next_record(Cursor& cursor) {
  Record record;
  record.owner = cursor.name();
  std::uint16_t type = cursor.u16();
  std::uint16_t dns_class = cursor.u16();
  record.ttl = cursor.u32();
  std::uint16_t size = cursor.u16();
  std::size_t end = cursor.at() + size;
  Cursor inner = cursor;
  cursor.seek(end);
  if (!cursor.is_good()) return {};
  if (record.ttl > 0x7fffffff) record.ttl = 0;  // RFC 2181 section 8
  record.type = static_cast<DnsType>(type);
  if (dns_class == class_in && type != type_opt) {
    record.data = record_data(inner, record.type, size, record.negative_ttl);
    record.is_malformed = !record.data && has_data(record.type);
  }
  return record;
}

std::string_view rcode_name(int rcode) {
  constexpr std::string_view names[]{"NOERROR",  "FORMERR", "SERVFAIL",
                                     "NXDOMAIN", "NOTIMP",  "REFUSED"};
  return rcode < 6 ? names[rcode] : std::string_view("an unknown error");
}

/// Follows CNAMEs from `name` through the answer section, and collects the records and the least
/// TTL. Error: a record of the answer can't be read, or the CNAMEs don't end. Then the answer is
/// unknown, which does not mean that there is nothing.
Result<void> collect(const std::vector<Record>& answers, std::string name, DnsType type,
                     DnsReply& reply) {
  std::uint32_t ttl = 0x7fffffff;
  for (int step = 0; step < cname_steps_max; ++step) {
    std::optional<std::string> alias;
    for (const auto& record : answers) {
      if (record.owner != name) continue;
      bool belongs = record.type == type || record.type == DnsType::Cname;
      if (belongs && record.is_malformed) {
        return Error::temporary("DNS answer with a malformed " + std::string(name_of(record.type)) +
                                " record");
      }
      if (!record.data) continue;
      if (record.type == type) {
        reply.records.push_back(*record.data);
        ttl = std::min(ttl, record.ttl);
      } else if (record.type == DnsType::Cname) {
        alias = std::get<std::string>(*record.data);
        ttl = std::min(ttl, record.ttl);
      }
    }
    reply.ttl_seconds = ttl;
    if (!reply.records.empty() || !alias) return {};
    name = *alias;
    reply.canonical = name;
  }
  return Error::temporary("DNS answer with more than " + std::to_string(cname_steps_max) +
                          " CNAMEs in a row");
}

}  // namespace

std::string_view name_of(DnsType type) {
  switch (type) {
    case DnsType::A:
      return "A";
    case DnsType::Ns:
      return "NS";
    case DnsType::Cname:
      return "CNAME";
    case DnsType::Soa:
      return "SOA";
    case DnsType::Ptr:
      return "PTR";
    case DnsType::Mx:
      return "MX";
    case DnsType::Txt:
      return "TXT";
    case DnsType::Aaaa:
      return "AAAA";
    case DnsType::Tlsa:
      return "TLSA";
  }
  return "?";
}

Result<std::string> dns_query(std::uint16_t id, std::string_view name, DnsType type) {
  TRY(auto question, wire_name(name));
  std::string query;
  append16(query, id);
  query += '\x01';  // RD
  query += '\x20';  // AD
  append16(query, 1);
  append16(query, 0);
  append16(query, 0);
  append16(query, 1);
  query += question;
  append16(query, static_cast<std::uint16_t>(type));
  append16(query, class_in);
  query += '\0';  // EDNS: the root as owner
  append16(query, type_opt);
  append16(query, edns_udp_bytes);
  query.append(6, '\0');  // extended code, version, flags, no data
  return query;
}

Result<DnsReply> parse_dns_reply(std::string_view bytes, std::string_view name, DnsType type) {
  if (bytes.size() < header_bytes) return Error::temporary("DNS answer too short");
  Cursor cursor(bytes);
  cursor.u16();
  std::uint16_t flags = cursor.u16();
  std::size_t questions = cursor.u16();
  std::size_t answer_count = cursor.u16();
  std::size_t authority_count = cursor.u16();
  cursor.u16();
  if ((flags & 0x8000) == 0) return Error::temporary("DNS answer is a question");
  if (questions != 1) return Error::temporary("DNS answer without its question");
  std::string asked = shown_name(name);
  std::string question = cursor.name();
  std::uint16_t question_type = cursor.u16();
  cursor.u16();
  if (!cursor.is_good() || question != asked || question_type != static_cast<std::uint16_t>(type)) {
    return Error::temporary("DNS answer to another question");
  }

  DnsReply reply(DnsStatus::Found);
  reply.is_authentic = (flags & 0x20) != 0;
  int rcode = flags & 0xf;
  if (rcode != 0 && rcode != 3) {
    return DnsReply(DnsStatus::TryLater, "name server answered " + std::string(rcode_name(rcode)));
  }
  if ((flags & 0x200) != 0) return DnsReply(DnsStatus::TryLater, "DNS answer was truncated");

  std::vector<Record> answers;
  std::uint32_t negative_ttl = 0;
  for (std::size_t i = 0; i < std::min(answer_count + authority_count, records_max); ++i) {
    auto record = next_record(cursor);
    if (!record) return Error::temporary("DNS answer ends within a record");
    if (i < answer_count) {
      answers.push_back(std::move(*record));
    } else if (record->type == DnsType::Soa) {
      negative_ttl = std::min(record->ttl, record->negative_ttl);
    }
  }
  TRY_DO(collect(answers, asked, type, reply));
  if (!reply.records.empty()) return reply;
  // RFC 2308 section 2.1: with NXDOMAIN, the end of the CNAME chain does not exist.
  reply.status = rcode == 3 ? DnsStatus::NoSuchName : DnsStatus::NoData;
  reply.ttl_seconds = negative_ttl;
  reply.reason = rcode == 3 ? "Host not found" : "Host found but no data record of requested type";
  return reply;
}

bool is_host_name(std::string_view text) {
  text = without_last_dot(text);
  if (text.empty() || text.size() > dns_name_bytes_max) return false;
  if (std::all_of(text.begin(), text.end(), [](char c) { return is_digit(c) || c == '.'; })) {
    return false;
  }
  for (auto label : split(text, '.')) {
    if (label.empty() || label.size() > dns_label_bytes_max) return false;
    if (label.front() == '-' || label.back() == '-') return false;
    if (!std::all_of(label.begin(), label.end(), is_label_octet)) return false;
  }
  return true;
}

}  // namespace pennypost
