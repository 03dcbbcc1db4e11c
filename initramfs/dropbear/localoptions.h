/* What dropbear is built with where its algorithms matter (src/default_options.h has the defaults).
 *
 * Its algorithms cannot be chosen when it starts. These are the ones that ssh-audit neither fails nor warns of: key
 * exchanges that stay secret after quantum computers, and ciphers that authenticate by themselves, so that no MAC is
 * left to offer. */
#define DROPBEAR_MLKEM768 1
#define DROPBEAR_SNTRUP761 1
#define DROPBEAR_CURVE25519 0
#define DROPBEAR_ECDH 0
#define DROPBEAR_DH_GROUP14_SHA256 0
#define DROPBEAR_KEXGUESS2 0

#define DROPBEAR_CHACHA20POLY1305 1
#define DROPBEAR_ENABLE_GCM_MODE 1
#define DROPBEAR_ENABLE_CTR_MODE 0
#define DROPBEAR_SHA2_256_HMAC 0

/* Keys of users may be of all kinds that sign with SHA-2. */
#define DROPBEAR_RSA_SHA1 0

/* There is no password to ask for. */
#define DROPBEAR_SVR_PASSWORD_AUTH 0

/* Bounds before somebody is logged in: seconds, and connections from one address and from all. */
#define AUTH_TIMEOUT 30
#define MAX_UNAUTH_PER_IP 5
#define MAX_UNAUTH_CLIENTS 30

#define SFTPSERVER_PATH "/usr/lib/openssh/sftp-server"
