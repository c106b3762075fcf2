// Parses SMTP paths and bare addresses into MailAddress, which is always valid and has normal
// forms.
//
// Accepted by RFC 5321 section 4.1.2: dot-strings, quoted local parts, domains, address literals
// [192.0.2.1] and [IPv6:2001:db8::1], the null reverse-path <>, source routes <@a,@b:user@c>
// (checked, then ignored; appendix C), and addresses without a domain (postmaster; mail from local
// programs). With Utf8::Allowed also RFC 6531 section 3.3: UTF-8 in both parts. Accepted beyond the
// RFC, as by Postfix: dots anywhere in an unquoted local part (`a..b`), `_` in domains, one dot at
// the end of a domain.
//
// Sizes: RFC 5321 section 4.5.3.1 gives the sizes that must be accepted at least (local part 64,
// domain 255, path 256). VERP and SRS senders have longer local parts, so only the domain's size is
// a limit here.
//
// STANDARDS  RFC 5321 section 4.1.2, RFC 6531 section 3.3, UTS 46 (idn.h)
// SEE ALSO   address_list.h (addresses in header fields), esmtp.h (MAIL and RCPT with parameters)
#pragma once

#include <compare>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "common/base/result.h"

namespace pennypost {

constexpr std::size_t local_part_bytes_max = 256;
constexpr std::size_t domain_bytes_max = 255;
constexpr std::size_t domain_label_bytes_max = 63;
constexpr std::size_t path_bytes_max = 1024;  // between the brackets, with a source route

/// Whether an address may contain UTF-8: after SMTPUTF8 in MAIL, or from a local source that allows
/// it.
enum class Utf8 { Refused, Allowed };

/// A host or mail domain, or an address literal in brackets. Compares without case, and an A-label
/// equals its U-label.
class Domain {
 public:
  /// Error 501 5.1.3 with the reason if `text` is neither a domain nor an address literal.
  static Result<Domain> parse(std::string_view text, Utf8 utf8 = Utf8::Refused);

  /// As written, without the trailing dot.
  const std::string& text() const { return text_; }
  /// The normal form for keys and DNS: lower case, A-labels; literals as `[192.0.2.1]` and
  /// `[IPv6:2001:db8::1]`, an IPv4-mapped one as IPv4.
  const std::string& key() const { return key_; }
  /// The same domain with A-labels, which every program understands.
  Domain as_ascii() const { return Domain(key_, key_); }
  /// With U-labels where that is possible (RFC 5891 section 5.5), in lower case.
  std::string unicode() const;
  bool is_literal() const { return text_.starts_with('['); }
  /// The address in a literal: `192.0.2.1` or `2001:db8::1`; nothing if this is a name.
  std::optional<std::string> literal_address() const;

  friend bool operator==(const Domain& a, const Domain& b) { return a.key_ == b.key_; }
  friend auto operator<=>(const Domain& a, const Domain& b) { return a.key_ <=> b.key_; }

 private:
  Domain(std::string text, std::string key) : text_(std::move(text)), key_(std::move(key)) {}
  std::string text_;
  std::string key_;
};

/// A destination within a local part, to which old hosts would have forwarded the mail.
struct HiddenRoute {
  enum class Kind { At, Bang, Percent };  // "user@dest"@here, dest!user@here, user%dest@here
  Kind kind;
  std::string user;
  std::string destination;
};

/// The null reverse-path, or a local part with or without a domain.
class MailAddress {
 public:
  /// The null reverse-path `<>`.
  MailAddress() = default;

  /// `local@domain`, or `local` alone; no brackets, no route. Error 501 5.1.3 with the reason.
  static Result<MailAddress> parse(std::string_view text, Utf8 utf8 = Utf8::Refused);
  /// A path as in MAIL and RCPT: in angle brackets or (as Postfix allows) bare; `<>` is the null
  /// path. A source route is checked and dropped. Error 501 5.1.3 with the reason.
  static Result<MailAddress> parse_path(std::string_view text, Utf8 utf8 = Utf8::Refused);
  /// From an unquoted local part and a domain. Error 501 5.1.3 for a local part that is empty, too
  /// long, or can't be written even with quotes.
  static Result<MailAddress> make(std::string_view local, std::optional<Domain> domain,
                                  Utf8 utf8 = Utf8::Allowed);

  bool is_null() const { return local_.empty(); }
  /// The local part without quotes and backslashes.
  const std::string& local() const { return local_; }
  const std::optional<Domain>& domain() const { return domain_; }
  /// `local@domain`, the local part quoted if RFC 5321 requires it; empty for the null path.
  std::string text() const;
  /// The same in angle brackets.
  std::string path() const { return "<" + text() + ">"; }
  /// True if it can only be sent to a next hop with SMTPUTF8 (RFC 6531): UTF-8 in the local part. A
  /// domain can be sent as A-labels; see with_ascii_domain().
  bool needs_smtputf8() const;
  /// The same address with A-labels in the domain (RFC 6531 section 3.2 leaves that to the client).
  MailAddress with_ascii_domain() const;
  /// The same local part at another domain.
  MailAddress with_domain(Domain domain) const;
  /// Another local part at the same domain; Errors as for make().
  Result<MailAddress> with_local(std::string_view local) const;

  /// The same text for all spellings of any mailbox: domain in normal form, local part as it is.
  std::string key() const;
  /// The key for our tables and accounts, which ignore case: all in lower case, in Unicode's NFC
  /// form.
  std::string folded_key() const;

  /// A destination that relay decisions must check besides the domain: `"user@dest"@here`,
  /// `dest!user@here`, `user%dest@here`. (`user@dest@here` does not parse.)
  std::optional<HiddenRoute> hidden_route() const;

  /// Equal if no host may distinguish them: key() is the same.
  friend bool operator==(const MailAddress& a, const MailAddress& b) { return a.key() == b.key(); }

 private:
  std::string local_;
  std::optional<Domain> domain_;
};

/// `user+detail` as user and detail, split at the first of `delimiters` (recipient_delimiter).
/// There is no split at the first octet, nor in postmaster, mailer-daemon and, if `-` is a
/// delimiter, owner-LIST and LIST-request; then the detail is absent.
struct SubAddress {
  std::string user;
  std::optional<std::string> detail;
};
SubAddress split_sub_address(std::string_view local, std::string_view delimiters);

/// A local part, in quotes if RFC 5321 section 4.1.2 requires them.
std::string quote_local_part(std::string_view local);

/// Whether a character may be in an atom (RFC 5322 section 3.2.3), including UTF-8 (RFC 6532
/// section 3.2).
bool is_atext(char c);

}  // namespace pennypost
