// What a milter sends: its part of the negotiation, and its answers. No crash; a header changed as
// an answer says is still a header of whole fields, and hides no other line.
#include <string>
#include <string_view>

#include "common/base/assert.h"
#include "common/base/text.h"
#include "smtpd/milter/message.h"
#include "smtpd/milter/milter.h"

using namespace pennypost;
using namespace pennypost::smtp;

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  std::string_view input(reinterpret_cast<const char*>(data), size);
  auto offer = parse_milter_offer(input);
  if (offer) ASSERT(offer->macros.size() <= 100);
  auto packet_bytes = milter_packet_size(input);
  if (packet_bytes && *packet_bytes) ASSERT(**packet_bytes <= milter_packet_bytes_max);
  if (input.empty()) return 0;
  auto reply = parse_milter_reply(input);
  if (!reply) return 0;
  if (reply->kind == MilterReply::Kind::ReplyCode) {
    MilterAnswer answer;
    answer.reply = reply->value;
    Error refusal = answer.refusal();
    ASSERT(refusal.code() >= 400 && refusal.code() < 600 && !refusal.text().empty());
  }
  if (reply->kind == MilterReply::Kind::AddRecipient) {
    auto command = parse_milter_recipient(reply->name, reply->value);
    if (command) ASSERT(command->recipient.text().find('\n') == std::string::npos);
  }
  bool is_header = reply->kind == MilterReply::Kind::AddHeader ||
                   reply->kind == MilterReply::Kind::InsertHeader ||
                   reply->kind == MilterReply::Kind::ChangeHeader;
  if (!is_header || !is_field_name(reply->name)) return 0;
  std::string header = "Received: ours\nSubject: one\nX-A: 1\n";
  for (bool keeps_space : {false, true}) {
    std::string changed = edited(header, header_change(header, *reply, keeps_space));
    ASSERT(changed.starts_with("Received: ours\n") || reply->index == 0);
    ASSERT(changed.empty() || changed.back() == '\n');
    ASSERT(changed.find("\n\n") == std::string::npos);
    for (const HeaderField& field : HeaderFields(changed)) {
      ASSERT(field.is("Received") || field.is("Subject") || field.is("X-A") ||
             field.is(reply->name));
    }
  }
  return 0;
}
