#include "imapd/response/body_structure.h"

#include <charconv>

#include "common/base/text.h"
#include "imapd/response/envelope.h"
#include "imapd/response/strings.h"

namespace pennypost::imap {
namespace {

constexpr std::string_view format_mark = "s3 ";

// RFC 9051 section 7.5.2 (not done: to turn the value of `name*` into plain UTF-8; clients, as with
// Dovecot, expect it as RFC 2231 writes it, with charset and escapes).
void append_parameters(std::string& out, const std::vector<MimeParameter>& parameters) {
  if (parameters.empty()) {
    out += "NIL";
    return;
  }
  char before = '(';
  for (const auto& parameter : parameters) {
    out += before;
    append_string(out, lower(parameter.name));
    out += ' ';
    append_string(out, parameter.value);
    before = ' ';
  }
  out += ')';
}

// body-ext-1part and body-ext-mpart end alike: disposition, language, location.
void append_extension(std::string& out, const MimePart& part) {
  out += ' ';
  if (part.disposition) {
    out += '(';
    append_string(out, part.disposition->value);
    out += ' ';
    append_parameters(out, part.disposition->parameters);
    out += ')';
  } else {
    out += "NIL";
  }
  out += ' ';
  if (part.languages.empty()) {
    out += "NIL";
  } else {
    char before = '(';
    for (const auto& language : part.languages) {
      out += before;
      append_string(out, language);
      before = ' ';
    }
    out += ')';
  }
  out += ' ';
  append_nstring(out, part.location);
}

class Writer {
 public:
  Writer(std::string_view message, bool extensions) : message_(message), extensions_(extensions) {}

  void part(std::string& out, const MimePart& part) {
    out += '(';
    if (part.kind == MimePart::Kind::Multipart) {
      multipart(out, part);
    } else {
      single(out, part);
    }
    out += ')';
  }

 private:
  void multipart(std::string& out, const MimePart& multipart) {
    for (const auto& child : multipart.children) part(out, child);
    out += ' ';
    append_string(out, lower(multipart.subtype));
    if (!extensions_) return;
    out += ' ';
    append_parameters(out, multipart.type_parameters);
    append_extension(out, multipart);
  }

  void single(std::string& out, const MimePart& part) {
    // RFC 9051 section 9: a message/global is told with its envelope. One that an encoding hides
    // (RFC 6532 section 3.7) is no more than octets.
    bool is_hidden = part.kind == MimePart::Kind::Leaf && part.is("message", "global");
    append_string(out, is_hidden ? "application" : lower(part.type));
    out += ' ';
    append_string(out, is_hidden ? "octet-stream" : lower(part.subtype));
    out += ' ';
    if (part.type_parameters.empty() && part.is("text", "plain")) {
      out += "(\"charset\" \"us-ascii\")";  // RFC 2045 section 5.2
    } else {
      append_parameters(out, part.type_parameters);
    }
    out += ' ';
    append_nstring(out, part.id);
    out += ' ';
    append_nstring(out, part.description);
    out += ' ';
    append_string(out, part.encoding ? std::string_view(*part.encoding) : "7bit");
    out += ' ' + std::to_string(part.body.octets);
    if (part.kind == MimePart::Kind::Message && !part.children.empty()) {
      const auto& inner = part.children.front();
      out += ' ' + envelope(message_.substr(inner.header.offset, inner.header.bytes)) + ' ';
      this->part(out, inner);
      out += ' ' + std::to_string(part.body.lines);
    } else if (part.is_text()) {
      out += ' ' + std::to_string(part.body.lines);
    }
    if (!extensions_) return;
    out += ' ';
    append_nstring(out, part.md5);
    append_extension(out, part);
  }

  std::string_view message_;
  bool extensions_;
};

MimePart geometry(const MimePart& part) {
  MimePart out;
  out.kind = part.kind;
  out.header = part.header;
  out.body = part.body;
  out.type.clear();
  out.subtype.clear();
  out.children.reserve(part.children.size());
  for (const auto& child : part.children) out.children.push_back(geometry(child));
  return out;
}

void encode_numbers(std::string& out, const MimePart& part) {
  for (std::size_t number :
       {static_cast<std::size_t>(part.kind), part.header.offset, part.header.bytes,
        part.body.offset, part.body.bytes, part.children.size()}) {
    out += std::to_string(number) + ' ';
  }
  for (const auto& child : part.children) encode_numbers(out, child);
}

class Reader {
 public:
  explicit Reader(std::string_view text) : rest_(text) {}

  bool number(std::size_t& value) {
    auto [end, error] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), value);
    auto used = static_cast<std::size_t>(end - rest_.data());
    if (error != std::errc() || used == rest_.size() || *end != ' ') return false;
    rest_.remove_prefix(used + 1);
    return true;
  }
  bool bytes(std::string& value) {
    std::size_t size = 0;
    if (!number(size) || size > rest_.size()) return false;
    value = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return true;
  }
  bool tree(MimePart& part, std::size_t depth) {
    std::size_t kind = 0;
    std::size_t children = 0;
    if (depth > mime_nesting_max + 1 || !number(kind) || kind > 2) return false;
    part.kind = static_cast<MimePart::Kind>(kind);
    if (!extent(part.header) || !extent(part.body) || !number(children)) return false;
    if (children > mime_parts_max || ++parts_ > mime_parts_max + 1) return false;
    for (std::size_t i = 0; i < children; ++i) {
      part.children.emplace_back();
      if (!tree(part.children.back(), depth + 1)) return false;
    }
    return true;
  }
  bool at_end() const { return rest_.empty(); }

 private:
  bool extent(MimeExtent& extent) {
    if (!number(extent.offset) || !number(extent.bytes)) return false;
    extent.octets = extent.bytes;
    return true;
  }
  std::string_view rest_;
  std::size_t parts_ = 0;
};

OctetRange range(const MimeExtent& extent) { return {extent.offset, extent.octets}; }

}  // namespace

Structure structure_of(std::string_view message) {
  auto tree = parse_mime(message);
  Structure structure;
  Writer(message, false).part(structure.body, tree);
  Writer(message, true).part(structure.body_structure, tree);
  structure.tree = geometry(tree);
  return structure;
}

std::string encode(const Structure& structure) {
  std::string out(format_mark);
  for (const auto* text : {&structure.body, &structure.body_structure}) {
    out += std::to_string(text->size()) + ' ' + *text;
  }
  encode_numbers(out, structure.tree);
  return out;
}

std::optional<Structure> decode_structure(std::string_view text) {
  if (!text.starts_with(format_mark)) return std::nullopt;
  Reader reader(text.substr(format_mark.size()));
  Structure structure;
  if (!reader.bytes(structure.body) || !reader.bytes(structure.body_structure) ||
      !reader.tree(structure.tree, 0) || !reader.at_end()) {
    return std::nullopt;
  }
  return structure;
}

std::optional<OctetRange> locate(const Structure& structure, const Section& section) {
  const auto* part = find_part(structure.tree, section.part);
  if (part == nullptr) return std::nullopt;
  switch (section.text) {
    case Section::Text::Whole:
      if (section.part.empty()) return OctetRange{0, part->body.offset + part->body.octets};
      return range(part->body);
    case Section::Text::Mime:
      return range(part->header);
    case Section::Text::Header:
    case Section::Text::HeaderFields:
    case Section::Text::HeaderFieldsNot:
    case Section::Text::Text:
      break;
  }
  // RFC 9051 section 6.4.5.1: of a part that is a message, these are the inner message's.
  if (!section.part.empty()) {
    if (part->kind != MimePart::Kind::Message || part->children.empty()) return std::nullopt;
    part = &part->children.front();
  }
  return range(section.text == Section::Text::Text ? part->body : part->header);
}

}  // namespace pennypost::imap
