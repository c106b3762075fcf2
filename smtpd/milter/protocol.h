// Writes the packets of the milter protocol and parses what a milter answers.
//
// A packet is a length of four bytes (network order), which counts all that follows: one byte, the
// command or the answer, and its data. Texts in the data end with NUL. Nothing here does I/O.
//
// STANDARDS  Sendmail's libmilter, protocol version 6 and the older ones 2, 3 and 4
// LIMITS     milter_packet_bytes_max; fields of a header in an answer are no longer than that
// SEE ALSO   milter.h (the conversation)
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/base/result.h"

namespace pennypost::smtp {

/// The longest packet that a milter may send. libmilter sends at most 64 KiB.
inline constexpr std::size_t milter_packet_bytes_max = 1024 * 1024;
/// The longest piece of a body that a milter is sent.
inline constexpr std::size_t milter_body_bytes_max = 65535;

/// What a milter is told.
enum class MilterEvent : char {
  Abort = 'A',
  Body = 'B',
  Connect = 'C',
  Macros = 'D',
  EndOfBody = 'E',
  Helo = 'H',
  Header = 'L',
  Mail = 'M',
  EndOfHeader = 'N',
  Negotiate = 'O',
  Quit = 'Q',
  Rcpt = 'R',
  Data = 'T',
  Unknown = 'U',
};

/// What a milter may change (SMFIF_…), as negotiated.
namespace milter_actions {
inline constexpr std::uint32_t add_header = 1 << 0;
inline constexpr std::uint32_t change_body = 1 << 1;
inline constexpr std::uint32_t add_recipient = 1 << 2;
inline constexpr std::uint32_t delete_recipient = 1 << 3;
inline constexpr std::uint32_t change_header = 1 << 4;
inline constexpr std::uint32_t quarantine = 1 << 5;
inline constexpr std::uint32_t change_sender = 1 << 6;
inline constexpr std::uint32_t add_recipient_with_parameters = 1 << 7;
inline constexpr std::uint32_t choose_macros = 1 << 8;
inline constexpr std::uint32_t all = (1 << 9) - 1;
}  // namespace milter_actions

/// Which events a milter does not want, which it does not answer, and what else it can do
/// (SMFIP_…), as negotiated.
namespace milter_events {
inline constexpr std::uint32_t no_connect = 1 << 0;
inline constexpr std::uint32_t no_helo = 1 << 1;
inline constexpr std::uint32_t no_mail = 1 << 2;
inline constexpr std::uint32_t no_rcpt = 1 << 3;
inline constexpr std::uint32_t no_body = 1 << 4;
inline constexpr std::uint32_t no_header = 1 << 5;
inline constexpr std::uint32_t no_end_of_header = 1 << 6;
inline constexpr std::uint32_t mute_header = 1 << 7;
inline constexpr std::uint32_t no_unknown = 1 << 8;
inline constexpr std::uint32_t no_data = 1 << 9;
inline constexpr std::uint32_t can_skip = 1 << 10;
inline constexpr std::uint32_t rejected_rcpt = 1 << 11;
inline constexpr std::uint32_t mute_connect = 1 << 12;
inline constexpr std::uint32_t mute_helo = 1 << 13;
inline constexpr std::uint32_t mute_mail = 1 << 14;
inline constexpr std::uint32_t mute_rcpt = 1 << 15;
inline constexpr std::uint32_t mute_data = 1 << 16;
inline constexpr std::uint32_t mute_unknown = 1 << 17;
inline constexpr std::uint32_t mute_end_of_header = 1 << 18;
inline constexpr std::uint32_t mute_body = 1 << 19;
inline constexpr std::uint32_t keeps_header_space = 1 << 20;
/// Events that may be left out at all.
inline constexpr std::uint32_t all_no = no_connect | no_helo | no_mail | no_rcpt | no_body |
                                        no_header | no_end_of_header | no_unknown | no_data;
/// Everything that a version of the protocol (2, 3, 4, 6) has.
std::uint32_t of_version(std::uint32_t version);
}  // namespace milter_events

/// A milter's part of the negotiation.
struct MilterOffer {
  std::uint32_t version = 0;
  std::uint32_t actions = 0;
  std::uint32_t events = 0;
  /// The macros that it wants, by stage (connect 0, helo 1, mail 2, rcpt 3, data 4, end of data 5,
  /// end of header 6); a stage that it does not name keeps the setting's.
  std::vector<std::pair<std::uint32_t, std::string>> macros;
};

/// One answer.
struct MilterReply {
  enum class Kind {
    AddRecipient,     // name: the address; value: its ESMTP parameters, or empty
    DeleteRecipient,  // name: the address
    ReplaceBody,      // value: a piece of it
    ChangeHeader,     // index, name, value; empty: delete it
    AddHeader,        // name, value
    InsertHeader,     // index, name, value
    ChangeSender,     // name: the address; value: its ESMTP parameters, or empty
    Quarantine,       // value: why
    Progress,
    // Those from here on are the last answer to an event.
    Accept,
    Continue,
    Discard,
    Reject,
    TemporaryFailure,
    Shutdown,
    ReplyCode,  // value: `550 5.7.1 text`, lines of the form `550-5.7.1 text` before it
    Skip,
  };
  Kind kind = Kind::Continue;
  std::uint32_t index = 0;
  std::string name;
  std::string value;

  bool is_last() const { return kind >= Kind::Accept; }
};

std::string milter_packet(MilterEvent event, std::string_view data);
/// The data of an offer, ours.
std::string milter_offer_data(std::uint32_t version, std::uint32_t actions, std::uint32_t events);
/// A text in the data of a packet.
void put_milter_text(std::string& data, std::string_view text);

/// The size of the packet at the front of `bytes`, without its four bytes of length; nothing while
/// those are not there. Error: it is empty or too large.
Result<std::optional<std::size_t>> milter_packet_size(std::string_view bytes);

/// Parses the data of a milter's Negotiate packet. Error: too short, or malformed.
Result<MilterOffer> parse_milter_offer(std::string_view data);
/// Parses an answer: its first byte, and the data behind it. Error: unknown or malformed.
Result<MilterReply> parse_milter_reply(std::string_view packet);

/// Whether the text is an SMTP reply 4xx or 5xx whose lines agree.
bool is_milter_reply_text(std::string_view text);

}  // namespace pennypost::smtp
