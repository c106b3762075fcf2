// Parses the arguments of MAIL and RCPT into an address and typed ESMTP parameters.
//
// Each parameter may be given once. The caller decides which extensions are offered, and refuses
// others by `given` (555 5.5.4), RFC 5321 section 4.1.1.11.
//
// STANDARDS  RFC 5321 sections 4.1.1.2, 4.1.1.3, 4.1.2; RFC 1870 (SIZE), RFC 6152 (BODY), RFC 3461
//            (RET, ENVID, NOTIFY, ORCPT), RFC 4954 section 5 (AUTH), RFC 6531 (SMTPUTF8), RFC
//            8689 (REQUIRETLS); and Postfix's XVERP
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/mail/address.h"
#include "common/mail/status.h"

namespace pennypost {

constexpr std::size_t esmtp_parameters_max = 20;

enum class BodyType { SevenBit, EightBitMime, BinaryMime };

struct MailCommand {
  MailAddress sender;
  std::optional<std::uint64_t> size;  // octets, as declared
  BodyType body = BodyType::SevenBit;
  bool smtputf8 = false;
  bool requires_tls = false;
  DsnReturn ret = DsnReturn::Unset;
  std::optional<std::string> envid;      // decoded
  std::optional<MailAddress> submitter;  // AUTH=; the null address for `<>`
  std::optional<std::string> verp;       // XVERP=; empty: without delimiters
  std::vector<std::string> given;        // the keywords that were given, in upper case
};

struct RcptCommand {
  MailAddress recipient;
  DsnNotify notify;
  std::optional<OriginalRecipient> orcpt;
  std::vector<std::string> given;
};

/// Parses what follows `MAIL `: `FROM:<ann@example.net> SIZE=100`. UTF-8 in the sender needs
/// SMTPUTF8 among the parameters. Errors: 501 5.5.4 for syntax, 501 5.1.7 for the address, 555
/// 5.5.4 for an unknown parameter.
Result<MailCommand> parse_mail_command(std::string_view arguments);

/// Parses what follows `RCPT `: `TO:<bob@example.org> NOTIFY=NEVER`; `utf8` as in MAIL. Errors: 501
/// 5.5.4 for syntax, 501 5.1.3 for the address, 555 5.5.4 for an unknown parameter.
Result<RcptCommand> parse_rcpt_command(std::string_view arguments, Utf8 utf8);

}  // namespace pennypost
