// What is known about a message besides its content: who sent it, how it arrived, and its
// recipients.
//
// In the queue a message has LF line ends; SMTP's CRLF and dots are removed on reception and added
// on sending. Its content is the `pieces` in order: each is text that we added (Received:, other
// fields) or a range of what was received, so that an edit never copies the body.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/base/strong.h"

namespace pennypost::smtp {

/// Identifies a message; no host ever uses an id twice (queue_id.h). It appears in Received:, in
/// the log and in the file names of a Maildir.
using QueueId = Strong<struct QueueIdTag, std::string>;

/// RFC 3461 section 4.1: when the sender wants a report. None set: on failure (and delay, if
/// configured).
enum Notify : std::uint8_t {
  notify_default = 0,
  notify_never = 1,
  notify_success = 2,
  notify_failure = 4,
  notify_delay = 8,
};

/// RFC 3461 section 4.1: NEVER excludes the others.
constexpr bool is_possible_notify(std::uint8_t notify) {
  return notify < 16 && ((notify & notify_never) == 0 || notify == notify_never);
}

/// RFC 3461 section 4.3.
enum class Ret : std::uint8_t { Unset, Full, Headers };
constexpr Ret wire_last(Ret) { return Ret::Headers; }

enum class RecipientKind : std::uint8_t {
  Address,  // user@example.org
  Command,  // the text after | in alias_maps or .forward
  File,     // /path in alias_maps or .forward
  Include,  // the path of an alias's :include: list, which is read as its owner
};
constexpr RecipientKind wire_last(RecipientKind) { return RecipientKind::Include; }

struct Recipient {
  std::uint32_t number = 0;  // within the message; never reused, so a Maildir's file name is unique
  RecipientKind kind = RecipientKind::Address;
  std::string address;   // the address after rewriting and expansion
  std::string original;  // the address that the client gave: orig_to= and X-Original-To
  std::string orcpt;     // RFC 3461 section 4.2, decoded: `rfc822;user@example.org`; may be empty
  std::uint8_t notify = notify_default;
  bool has_own_sender = false;  // owner-NAME or a mailing list: `sender` replaces the envelope's
  std::string sender;
  std::uint16_t depth = 0;  // how many expansions led from the client's recipient to this one
  // Command, File: account name, or empty for default_privs. Include: who reads it.
  std::string run_as;
  // It means the mailbox or next hop of the address and is not expanded. Set by the queue on a
  // child with its parent's address (an alias, virtual alias or .forward that names itself), and by
  // the expansion for `\name`.
  bool is_self = false;
  // A virtual alias named itself among others, or receive_override_options has
  // no_address_mappings: canonical_maps, masquerade_domains and virtual_alias_maps do not apply to
  // it, alias_maps and .forward still do.
  bool is_virtual_self = false;
  // The local address whose alias or .forward led here; empty if none did. It is written as
  // Delivered-To:, so that a message that comes back is recognized.
  std::string via;

  /// The mail address that stands for this recipient: for a command or a file, the alias that names
  /// it.
  const std::string& served_address() const {
    if (kind == RecipientKind::Address) return address;
    return via.empty() ? original : via;
  }
  /// For enable_original_recipient = no; what served_address() needs is kept.
  void forget_original() {
    if (kind == RecipientKind::Address || !via.empty()) original.clear();
  }
  template <class Archive>
  void fields(Archive& archive) {
    archive(number, kind, address, original, orcpt, notify, has_own_sender, sender, depth, run_as,
            is_self, is_virtual_self, via);
  }
};

/// Added text if `length` is 0, otherwise a range of what was received.
struct Piece {
  std::string text;
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
  template <class Archive>
  void fields(Archive& archive) {
    archive(text, offset, length);
  }
};

struct Envelope {
  QueueId id{std::string()};
  std::int64_t arrival = 0;  // microseconds since 1970
  std::string sender;        // empty: the null reverse-path <>
  std::string client_name;   // `unknown` if there is no verified name
  std::string client_address;
  std::string helo;
  std::string protocol;  // SMTP, ESMTP, ESMTPS, ESMTPSA, UTF8SMTPS …: RFC 3848, RFC 6531
  std::string sasl_method;
  std::string sasl_username;
  std::string message_id;  // for the log
  bool is_smtputf8 = false;
  bool is_8bit = false;   // BODY=8BITMIME, or 8-bit bytes seen
  bool is_local = false;  // from sendmail(1), or a bounce or forward made here
  bool is_held = false;
  Ret ret = Ret::Unset;
  std::string envid;  // decoded
  std::uint64_t body_bytes = 0;
  bool body_is_file = false;
  std::vector<Piece> pieces;
  std::vector<Recipient> recipients;
  std::uint64_t body_line_ends = 0;  // in the pieces that are ranges
  std::string filter;                // the content filter, `transport:destination`; empty: none
  bool is_junk = false;              // it goes to junk_mailbox, where it is delivered here
  std::string verp;                  // delimiters of a variable return path (verp.h), or empty
  bool requires_tls = false;         // REQUIRETLS: RFC 8689 section 2
  bool is_tls_optional = false;      // TLS-Required: No (section 3); REQUIRETLS overrides it

  /// Whether no TLS policy of the way on counts for it.
  bool forgoes_tls() const { return is_tls_optional && !requires_tls; }
  /// The whole message's size in bytes, as it is stored.
  std::uint64_t size() const {
    std::uint64_t sum = 0;
    for (const auto& piece : pieces) sum += piece.length == 0 ? piece.text.size() : piece.length;
    return sum;
  }
  /// The size as RFC 1870 section 5 counts it, each line end as CRLF. Limits refer to it, and it is
  /// what SIZE and the log show.
  std::uint64_t octets() const {
    auto line_ends = body_line_ends;
    for (const auto& piece : pieces) {
      if (piece.length != 0) continue;
      line_ends += static_cast<std::uint64_t>(std::ranges::count(piece.text, '\n'));
    }
    return size() + line_ends;
  }
  template <class Archive>
  void fields(Archive& archive) {
    fields_of_sixth_form(archive);
    archive(requires_tls, is_tls_optional);
  }
  template <class Archive>
  void fields_of_sixth_form(Archive& archive) {
    fields_of_fifth_form(archive);
    archive(verp);
  }
  template <class Archive>
  void fields_of_fifth_form(Archive& archive) {
    fields_of_fourth_form(archive);
    archive(is_junk);
  }
  template <class Archive>
  void fields_of_fourth_form(Archive& archive) {
    fields_of_second_form(archive);
    archive(filter);
  }
  template <class Archive>
  void fields_of_second_form(Archive& archive) {
    fields_of_first_form(archive);
    archive(body_line_ends);
  }
  template <class Archive>
  void fields_of_first_form(Archive& archive) {
    archive(id, arrival, sender, client_name, client_address, helo, protocol, sasl_method,
            sasl_username, message_id, is_smtputf8, is_8bit, is_local, is_held, ret, envid,
            body_bytes, body_is_file, pieces, recipients);
  }
};

/// The envelope as stored in format 6, which knows no wishes about TLS.
struct SixthEnvelope : Envelope {
  template <class Archive>
  void fields(Archive& archive) {
    fields_of_sixth_form(archive);
  }
};

/// The envelope as stored in format 5, which knows no variable return path.
struct FifthEnvelope : Envelope {
  template <class Archive>
  void fields(Archive& archive) {
    fields_of_fifth_form(archive);
  }
};

/// The envelope as stored in format 4, which knows no junk.
struct FourthEnvelope : Envelope {
  template <class Archive>
  void fields(Archive& archive) {
    fields_of_fourth_form(archive);
  }
};

/// The envelope as stored in formats 2 and 3, which know no content filter.
struct SecondEnvelope : Envelope {
  template <class Archive>
  void fields(Archive& archive) {
    fields_of_second_form(archive);
  }
};

/// The envelope as stored in format 1; its octets() does not count the body's line ends.
struct FirstEnvelope : Envelope {
  template <class Archive>
  void fields(Archive& archive) {
    fields_of_first_form(archive);
  }
};

}  // namespace pennypost::smtp
