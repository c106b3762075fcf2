#include "common/mailauth/signature_field.h"

#include <algorithm>

#include "common/base/assert.h"
#include "common/base/text.h"
#include "common/dns/message.h"
#include "common/mail/header.h"
#include "common/mail/idn.h"
#include "common/mailauth/tag_list.h"

namespace pennypost {
namespace {

constexpr std::size_t number_digits_max = 12;  // RFC 6376 section 3.5: t= and x= have up to 12
constexpr std::size_t domain_value_bytes_max = 1024;
constexpr std::uint32_t instance_max = 50;  // RFC 8617 section 4.2.1

Error missing(std::string_view name) {
  return Error::permanent("no " + std::string(name) + "= tag");
}
Error malformed(std::string_view name) {
  return Error::permanent("malformed " + std::string(name) + "= tag");
}

Result<std::string_view> needed(const TagList& tags, std::string_view name) {
  auto value = tags.value(name);
  if (!value) return missing(name);
  if (value->empty()) return malformed(name);
  return *value;
}

/// A domain or a selector, also as U-labels (RFC 8616), as a name for DNS.
Result<std::string> dns_name(const TagList& tags, std::string_view name) {
  TRY(auto text, needed(tags, name));
  if (text.size() > domain_value_bytes_max) return malformed(name);
  auto ascii = is_ascii(text) ? std::optional(lower(text)) : domain_to_ascii(text);
  if (!ascii || ascii->ends_with('.')) return malformed(name);
  // A selector may consist of digits alone, which is no host name.
  if (!is_host_name(name == "s" ? *ascii + ".a" : *ascii)) return malformed(name);
  return *std::move(ascii);
}

Result<std::string> binary(const TagList& tags, std::string_view name) {
  TRY(auto text, needed(tags, name));
  auto bytes = tag_base64(text);
  if (!bytes || bytes->empty()) return malformed(name);
  return *std::move(bytes);
}

Result<std::optional<std::int64_t>> time_of(const TagList& tags, std::string_view name) {
  auto text = tags.value(name);
  if (!text) return std::optional<std::int64_t>();
  auto number = parse_number(*text);
  if (!number || text->size() > number_digits_max) return malformed(name);
  return std::optional(static_cast<std::int64_t>(*number));
}

Result<void> read_algorithm(const TagList& tags, SignatureField& field) {
  TRY(auto text, needed(tags, "a"));
  field.algorithm = lower(text);
  if (field.algorithm == "rsa-sha256") {
    field.key_kind = KeyKind::Rsa;
  } else if (field.algorithm == "ed25519-sha256") {
    field.key_kind = KeyKind::Ed25519;
  } else if (field.algorithm == "rsa-sha1") {
    // RFC 8301 section 3.1: must not be verified.
    return Error::permanent("rsa-sha1 is no longer secure");
  } else {
    return Error::permanent("unknown algorithm " + printable(text, 40));
  }
  return {};
}

std::optional<Canonical> form_named(std::string_view name) {
  if (equal_nocase(name, "simple")) return Canonical::Simple;
  if (equal_nocase(name, "relaxed")) return Canonical::Relaxed;
  return {};
}

/// RFC 6376 section 3.5: `header/body`; the body's form is simple unless given. Without the tag
/// ARC's other implementations take both as relaxed.
Result<void> read_forms(SignatureKind kind, const TagList& tags, SignatureField& field) {
  std::string_view usual = kind == SignatureKind::Dkim ? "simple/simple" : "relaxed/relaxed";
  auto text = tags.value("c").value_or(usual);
  auto slash = text.find('/');
  auto header = form_named(text.substr(0, slash));
  auto body = slash == text.npos ? Canonical::Simple : form_named(text.substr(slash + 1));
  if (!header || !body) {
    return Error::permanent("unknown canonicalization " + printable(text, 40));
  }
  field.header_form = *header;
  field.body_form = *body;
  return {};
}

Result<void> read_names(SignatureKind kind, const TagList& tags, SignatureField& field) {
  TRY(auto text, needed(tags, "h"));
  bool has_from = false;
  for (auto name : colon_list(text)) {
    if (!is_field_name(name)) return malformed("h");
    if (field.names.size() == signed_names_max) {
      return Error::permanent("more than " + std::to_string(signed_names_max) +
                              " names in the h= tag");
    }
    field.names.push_back(lower(name));
    has_from = has_from || field.names.back() == "from";
    // RFC 8617 section 4.1.2.
    if (kind == SignatureKind::ArcMessage && field.names.back() == "arc-seal") {
      return Error::permanent("ARC-Seal is among the signed fields");
    }
  }
  // RFC 6376 section 5.4.
  if (!has_from) return Error::permanent("From is not signed");
  return {};
}

/// RFC 6376 section 6.1.1: the agent's domain is the signer's or one below it.
Result<void> read_identity(const TagList& tags, SignatureField& field) {
  field.identity = "@" + field.domain;
  field.identity_domain = field.domain;
  auto text = tags.value("i");
  if (!text) return {};
  auto at = text->rfind('@');
  if (at == text->npos || text->size() - at > domain_value_bytes_max) return malformed("i");
  auto domain = text->substr(at + 1);
  auto ascii = is_ascii(domain) ? std::optional(lower(domain)) : domain_to_ascii(domain);
  if (!ascii || !is_host_name(*ascii)) return malformed("i");
  if (*ascii != field.domain && !ascii->ends_with("." + field.domain)) {
    return Error::permanent("the domain of i= is not within that of d=");
  }
  field.identity = without_spaces(*text);
  field.identity_domain = *std::move(ascii);
  return {};
}

Result<void> read_instance(const TagList& tags, SignatureField& field) {
  TRY(auto text, needed(tags, "i"));
  auto number = parse_number(text);
  if (!number || *number == 0 || *number > instance_max) return malformed("i");
  field.instance = static_cast<std::uint32_t>(*number);
  return {};
}

Result<void> read_times(const TagList& tags, SignatureField& field) {
  TRY(field.made, time_of(tags, "t"));
  TRY(field.expires, time_of(tags, "x"));
  if (field.made && field.expires && *field.expires <= *field.made) {
    return Error::permanent("the x= tag is not after the t= tag");
  }
  return {};
}

/// RFC 6376 section 3.5: keys are looked up as TXT in DNS, which an unknown method can't replace.
bool has_known_query(const TagList& tags) {
  auto text = tags.value("q");
  if (!text) return true;
  return std::ranges::any_of(colon_list(*text), [](auto name) {
    return equal_nocase(name, "dns/txt") || equal_nocase(name, "dns");
  });
}

/// What the message signatures of DKIM and ARC have beyond a seal.
Result<void> read_message_tags(SignatureKind kind, const TagList& tags, SignatureField& field) {
  TRY_DO(read_forms(kind, tags, field));
  TRY_DO(read_names(kind, tags, field));
  TRY(field.body_hash, binary(tags, "bh"));
  if (field.body_hash.size() != 32) return malformed("bh");
  field.has_length = tags.find("l") != nullptr;
  if (!has_known_query(tags)) return Error::permanent("unknown query method in the q= tag");
  return {};
}

Result<void> read(SignatureKind kind, std::string_view body, SignatureField& field) {
  if (body.size() > signature_field_bytes_max) {
    return Error::permanent("a field of more than " + std::to_string(signature_field_bytes_max) +
                            " octets");
  }
  TRY(auto tags, TagList::parse(body));
  TRY(field.domain, dns_name(tags, "d"));
  TRY(field.selector, dns_name(tags, "s"));
  if (auto text = tags.value("b")) field.signature64 = without_spaces(*text);
  if (kind == SignatureKind::Dkim) {
    TRY(auto version, needed(tags, "v"));
    if (version != "1") return Error::permanent("unknown version " + printable(version, 40));
  } else if (tags.find("v") != nullptr && kind == SignatureKind::ArcMessage) {
    return Error::permanent("a v= tag, which ARC does not have");
  }
  TRY_DO(read_algorithm(tags, field));
  TRY(field.signature, binary(tags, "b"));
  TRY_DO(kind == SignatureKind::Dkim ? read_identity(tags, field) : read_instance(tags, field));
  TRY_DO(read_times(tags, field));
  if (kind != SignatureKind::ArcSeal) return read_message_tags(kind, tags, field);
  TRY(auto chain, needed(tags, "cv"));
  field.chain = lower(chain);
  // RFC 8617 section 4.1.3: the names that a seal signs are fixed.
  if (tags.find("h") != nullptr) return Error::permanent("an h= tag in a seal");
  return {};
}

}  // namespace

Result<SignatureField> SignatureField::parse(SignatureKind kind, std::string_view body,
                                             SignatureField* partial) {
  SignatureField field;
  auto done = read(kind, body, field);
  if (partial != nullptr) *partial = field;
  if (!done) return done.error();
  return field;
}

std::string unsigned_field(Canonical form, std::string_view whole) {
  auto colon = whole.find(':');
  auto body = whole.substr(colon + 1);
  auto tags = TagList::parse(body);
  ASSERT(colon != whole.npos && tags);
  std::string text(whole.substr(0, colon + 1));
  const Tag* tag = tags->find("b");
  ASSERT(tag != nullptr);
  add(text, body.substr(0, tag->begin), body.substr(tag->end));
  auto canonical = canonical_field(form, text);
  canonical.resize(canonical.size() - 2);
  return canonical;
}

void SignatureFieldWriter::tag(std::string_view name, std::string_view value) {
  piece(std::string(name) + "=" + std::string(value) + ";", true);
}

void SignatureFieldWriter::names(const std::vector<std::string>& names) {
  for (std::size_t i = 0; i < names.size(); ++i) {
    std::string text = (i == 0 ? "h=" : "") + names[i] + (i + 1 == names.size() ? ";" : ":");
    piece(text, i == 0);
  }
}

void SignatureFieldWriter::begin_signature() {
  text_ += "\r\n b=";
  column_ = 3;
}

std::string SignatureFieldWriter::signed_with(std::string_view signature) const {
  std::string out = text_;
  std::size_t room = fold_line_bytes - column_ - 1;
  auto encoded = base64_encode(signature);
  for (std::string_view rest = encoded; !rest.empty();) {
    auto line = rest.substr(0, room);
    rest.remove_prefix(line.size());
    out += line;
    if (!rest.empty()) out += "\r\n ";
    room = fold_line_bytes - 2;
  }
  return out + "\r\n";
}

/// Adds text that has no fold within; blanks count only between tags.
void SignatureFieldWriter::piece(std::string_view text, bool after_blank) {
  std::size_t blank = after_blank ? 1 : 0;
  if (column_ + blank + text.size() >= fold_line_bytes) {
    text_ += "\r\n ";
    column_ = 1;
  } else if (after_blank) {
    text_ += ' ';
    ++column_;
  }
  text_ += text;
  column_ += text.size();
}

}  // namespace pennypost
