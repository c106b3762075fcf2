#include "smtpd/commands/program_path.h"

#include <filesystem>

namespace pennypost::smtp {

std::string program_beside_us(const std::string& name) {
  std::error_code problem;
  auto self = std::filesystem::read_symlink("/proc/self/exe", problem);
  return problem ? name : (self.parent_path() / name).string();
}

}  // namespace pennypost::smtp
