#include "store/indexing/attachment_text.h"

#include "common/base/text.h"
#include "common/log/log.h"
#include "common/process/running_program.h"

namespace pennypost::store {
namespace {

constexpr std::size_t words_bytes_max = 300;  // of what a program says, for the log

std::string failed(const AttachmentDecoder& decoder, const std::string& media_type,
                   const std::string& why) {
  log_warning(decoder.component,
              "fts_decoder: " + decoder.program + " " + printable(media_type, 100) + ": " + why);
  return "";
}

}  // namespace

std::string attachment_text(const AttachmentDecoder& decoder, const std::string& media_type,
                            std::string_view octets, std::size_t text_bytes_max) {
  ProgramStart start;
  start.words = {decoder.program, media_type};
  start.environment = {{"PATH", std::string(program_path)}};
  start.directory = "/";
  start.output_bytes_max = text_bytes_max;
  start.is_given_up = decoder.is_given_up;
  auto end = run_program(start, octets, decoder_seconds_max);
  bool is_given_up = decoder.is_given_up != nullptr && *decoder.is_given_up;
  if (!end && is_given_up) return "";
  if (!end) return failed(decoder, media_type, end.error().text());
  if (end->exit_status != 0) {
    return failed(decoder, media_type,
                  "exit status " + std::to_string(end->exit_status) + ": " +
                      printable(trim(end->errors), words_bytes_max));
  }
  return std::move(end->output);
}

}  // namespace pennypost::store
