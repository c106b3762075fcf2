#include "common/mail/mime.h"

#include <algorithm>
#include <cstring>

#include "common/base/text.h"
#include "common/mail/header.h"

namespace pennypost {
namespace {

/// A position between two lines, and the counts up to it.
struct Place {
  std::size_t offset = 0;
  std::size_t lines = 0;
  std::size_t bare = 0;  // lines that end in a bare LF
};

MimeExtent between(const Place& begin, const Place& end) {
  auto bytes = end.offset - begin.offset;
  return {begin.offset, bytes, bytes + (end.bare - begin.bare), end.lines - begin.lines};
}

/// A boundary line that was found: its open multipart, and whether it is the closing one.
struct Stop {
  std::size_t boundary = 0;
  bool closing = false;
  Place line_begin;
  // The position before the preceding line end, which belongs to the boundary (RFC 2046 section
  // 5.1.1).
  Place before_line_end;
};

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  MimePart part(bool in_digest, std::size_t depth) {
    ++parts_;
    MimePart part;
    auto begin = at_;
    read_header();
    part.header = between(begin, at_);
    describe(part, in_digest);
    auto body = at_;
    auto boundary = find_parameter(part.type_parameters, "boundary").value_or("");
    part.kind = kind_of(part, boundary);
    bool may_nest = depth < mime_nesting_max && parts_ < mime_parts_max &&
                    boundary.size() <= mime_boundary_bytes_max;
    if (part.kind != MimePart::Kind::Leaf && !may_nest) make_opaque(part);
    switch (part.kind) {
      case MimePart::Kind::Multipart:
        read_multipart(part, boundary, depth);
        break;
      case MimePart::Kind::Message:
        part.children.push_back(this->part(false, depth + 1));
        break;
      case MimePart::Kind::Leaf:
        read_body();
    }
    part_end_ = end_of_body(body);
    part.body = between(body, part_end_);
    return part;
  }

 private:
  /// The line that begins at at_, with its line end.
  std::string_view line() const {
    auto rest = text_.substr(at_.offset);
    const void* end = std::memchr(rest.data(), '\n', rest.size());
    if (end == nullptr) return rest;
    return rest.substr(0,
                       static_cast<std::size_t>(static_cast<const char*>(end) - rest.data()) + 1);
  }

  void pass(std::string_view line) {
    before_line_end_ = at_;
    at_.offset += line.size();
    before_line_end_.offset = at_.offset;
    if (!line.ends_with('\n')) return;
    bool bare = !line.ends_with("\r\n");
    before_line_end_.offset -= bare ? 1 : 2;
    at_.lines += 1;
    at_.bare += bare ? 1 : 0;
  }

  /// Whether at_ is at the end or before a boundary line, which is then in stop_.
  bool stopped(std::string_view line) {
    if (stop_ || line.empty()) return true;
    if (boundaries_.empty() || !line.starts_with("--")) return false;
    auto rest = line.substr(2);
    std::optional<std::size_t> best;
    for (auto i = boundaries_.size(); i-- > 0;) {
      if (!rest.starts_with(boundaries_[i])) continue;
      if (!best || boundaries_[i].size() > boundaries_[*best].size()) best = i;
    }
    if (!best) return false;
    bool closing = rest.substr(boundaries_[*best].size()).starts_with("--");
    stop_ = Stop{*best, closing, at_, before_line_end_};
    return true;
  }

  void read_header() {
    for (;;) {
      auto one = line();
      if (stopped(one)) return;
      pass(one);
      if (one == "\n" || one == "\r\n") return;
    }
  }

  /// Reads up to the next boundary line or the end.
  void read_body() {
    for (auto one = line(); !stopped(one); one = line()) pass(one);
  }

  /// Skips the boundary line at at_.
  void pass_boundary() {
    stop_.reset();
    pass(line());
  }

  bool stopped_at(std::size_t boundary) const { return stop_ && stop_->boundary == boundary; }

  void read_multipart(MimePart& part, const std::string& boundary, std::size_t depth) {
    auto mine = boundaries_.size();
    boundaries_.push_back(boundary);
    bool digest = equal_nocase(part.subtype, "digest");
    read_body();
    while (stopped_at(mine) && !stop_->closing) {
      pass_boundary();
      if (parts_ < mime_parts_max) {
        part.children.push_back(this->part(digest, depth + 1));
      } else {
        read_body();
      }
    }
    bool closed = stopped_at(mine);
    boundaries_.pop_back();
    if (part.children.empty()) part.children.push_back(empty_part(part.header));
    if (!closed) return;
    pass_boundary();
    read_body();
  }

  /// RFC 9051 section 9: a multipart has at least one part; if there is none, an empty text, as in
  /// Dovecot.
  static MimePart empty_part(const MimeExtent& header_of_multipart) {
    MimePart part;
    part.header.offset = part.body.offset = header_of_multipart.offset + header_of_multipart.bytes;
    return part;
  }

  /// Not before the beginning of the body, nor within its last child, whose header may end in the
  /// line end before the boundary.
  Place end_of_body(const Place& begin) const {
    if (!stop_) return at_;
    auto end = stop_->before_line_end;
    for (const auto& least : {begin, part_end_}) {
      if (least.offset > end.offset) end = least;
    }
    return end;
  }

  /// The kind of the part according to its type. A multipart without a boundary becomes plain text,
  /// as does a part with a malformed Content-Type (RFC 2045 section 5.2).
  static MimePart::Kind kind_of(MimePart& part, std::string_view boundary) {
    if (is_message(part)) return MimePart::Kind::Message;
    if (!equal_nocase(part.type, "multipart")) return MimePart::Kind::Leaf;
    if (!boundary.empty()) return MimePart::Kind::Multipart;
    part.type = "text";
    part.subtype = "plain";
    part.type_parameters.clear();
    return MimePart::Kind::Leaf;
  }

  /// A part whose children exceed a limit becomes application/octet-stream, as in Dovecot, since
  /// its own type would promise parts or an envelope.
  static void make_opaque(MimePart& part) {
    part.kind = MimePart::Kind::Leaf;
    part.type = "application";
    part.subtype = "octet-stream";
  }

  static bool is_message(const MimePart& part) {
    if (part.is("message", "rfc822")) return true;
    // RFC 6532 section 3.7 allows an encoding for this type, which hides its structure.
    return part.is("message", "global") && part.transfer_encoding() == TransferEncoding::Identity;
  }

  /// Fills in the data from the part's header.
  void describe(MimePart& part, bool in_digest) const {
    if (in_digest) {
      // RFC 2046 section 5.1.5.
      part.type = "message";
      part.subtype = "rfc822";
    }
    bool typed = false;
    auto bytes = std::min(part.header.bytes, mime_header_bytes_max);
    for (const auto& field : HeaderFields(text_.substr(part.header.offset, bytes))) {
      if (!starts_with_nocase(field.name, "Content-")) continue;
      if (field.is("Content-Type") && !typed) {
        typed = set_type(part, field.body);
      } else if (field.is("Content-Transfer-Encoding") && !part.encoding) {
        auto value = parse_mime_value(field.body).value;
        if (!value.empty()) part.encoding = std::move(value);
      } else if (field.is("Content-ID") && !part.id) {
        part.id = field.value();
      } else if (field.is("Content-Description") && !part.description) {
        part.description = field.value();
      } else if (field.is("Content-MD5") && !part.md5) {
        part.md5 = field.value();
      } else if (field.is("Content-Disposition") && !part.disposition) {
        auto value = parse_mime_value(field.body);
        if (!value.value.empty()) part.disposition = std::move(value);
      } else if (field.is("Content-Language") && part.languages.empty()) {
        part.languages = parse_content_language(field.body);
      } else if (field.is("Content-Location") && !part.location) {
        part.location = location(field.body);
      }
    }
  }

  /// False if it is not a type; then the default stays (RFC 2045 section 5.2).
  static bool set_type(MimePart& part, std::string_view body) {
    auto value = parse_mime_value(body);
    auto slash = value.value.find('/');
    if (slash == std::string::npos || slash == 0 || slash + 1 == value.value.size()) return false;
    part.type = value.value.substr(0, slash);
    part.subtype = value.value.substr(slash + 1);
    part.type_parameters = std::move(value.parameters);
    return true;
  }

  /// RFC 2557 section 4.4.2: blanks within a URI come from folding.
  static std::string location(std::string_view body) {
    std::string uri;
    for (char c : body) {
      if (!is_space(c)) uri += c;
    }
    return uri;
  }

  std::string_view text_;
  Place at_;
  Place before_line_end_;  // of the last line read
  Place part_end_;         // of the last part finished
  std::optional<Stop> stop_;
  std::vector<std::string> boundaries_;  // of the open multiparts, the innermost last
  std::size_t parts_ = 0;
};

}  // namespace

bool MimePart::is(std::string_view wanted_type, std::string_view wanted_subtype) const {
  return equal_nocase(type, wanted_type) && equal_nocase(subtype, wanted_subtype);
}

bool MimePart::is_text() const { return equal_nocase(type, "text"); }

TransferEncoding MimePart::transfer_encoding() const {
  if (kind != Kind::Leaf || !encoding) return TransferEncoding::Identity;
  return parse_transfer_encoding(*encoding).value_or(TransferEncoding::Identity);
}

std::string MimePart::charset() const { return type_parameter("charset").value_or(""); }

std::optional<std::string> MimePart::type_parameter(std::string_view name) const {
  return find_parameter_utf8(type_parameters, name);
}

MimePart parse_mime(std::string_view message) { return Parser(message).part(false, 0); }

const MimePart* find_part(const MimePart& root, std::span<const std::uint32_t> path) {
  const MimePart* part = &root;
  bool whole_message = true;  // `part` is a message, so numbers name its parts
  for (auto number : path) {
    if (!whole_message && part->kind == MimePart::Kind::Message) {
      part = &part->children.front();
      whole_message = true;
    }
    if (part->kind == MimePart::Kind::Multipart) {
      if (number < 1 || number > part->children.size()) return nullptr;
      part = &part->children[number - 1];
    } else if (!whole_message || number != 1) {
      return nullptr;
    }
    whole_message = false;
  }
  return part;
}

std::size_t crlf_octets(std::string_view text) {
  std::size_t bare = 0;
  for (std::size_t at = 0; (at = text.find('\n', at)) != std::string_view::npos; ++at) {
    if (at == 0 || text[at - 1] != '\r') ++bare;
  }
  return text.size() + bare;
}

}  // namespace pennypost
